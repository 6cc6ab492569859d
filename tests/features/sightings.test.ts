import { expect, test } from 'bun:test'
import { asc, count } from 'drizzle-orm'
import { createSightings } from '../../src/features/logs/sightings.ts'
import { freshDb } from '../support/databases.ts'

const noon = Date.parse('2026-11-20T12:00:00Z')

/** Sightings over a database, and others over the same as another hub would have them. */
async function testSightings() {
  const { db, ...end } = await freshDb()
  const { logSeen, logSightings } = db.tables
  const open = () => {
    const sightings = createSightings({ db })
    const note = (...times: [device: number, second: number][]) =>
      db.write(async (change) => {
        await change.lockOrder()
        await sightings.note(change, new Map(times.map(([device, second]) => [device, noon + second * 1000])))
      })
    return { ...sightings, note }
  }

  /** When each device was last heard of, in seconds after noon. */
  async function seen() {
    const rows = await db.read.select().from(logSeen).orderBy(asc(logSeen.device))
    return rows.map(({ device, lastSeenAt }) => [device, (lastSeenAt.getTime() - noon) / 1000])
  }

  async function waiting() {
    const [row] = await db.read.select({ rows: count() }).from(logSightings)
    return row?.rows
  }

  return { open, ...open(), seen, waiting, ...end }
}

test('the last of many times is when a device was last heard of', async () => {
  await using t = await testSightings()
  await t.note([3, 1], [1, 2])
  await t.note([2, 3])
  await t.note([1, 4], [3, 5])
  expect(await t.seen()).toEqual([])
  await t.settle()
  expect(await t.seen()).toEqual([
    [1, 4],
    [2, 3],
    [3, 5]
  ])
  expect(await t.waiting()).toBe(0)
  await t.note([2, 1]) // the clock was set back
  await t.settle()
  expect(await t.seen()).toContainEqual([2, 1])
})

test('few wait for more', async () => {
  await using t = await testSightings()
  for (let second = 1; second <= 15; second += 1) {
    await t.note([7, second])
    await t.settleMany()
  }
  expect([await t.waiting(), await t.seen()]).toEqual([15, []])
})

test('sixteen rows are put into their place, and the next wait again', async () => {
  await using t = await testSightings()
  for (let second = 1; second <= 17; second += 1) {
    await t.note([7, second])
    await t.settleMany()
  }
  expect([await t.waiting(), await t.seen()]).toEqual([1, [[7, 16]]])
})

test('so are eight thousand times', async () => {
  await using t = await testSightings()
  const thousands = (from: number, to: number) => Array.from({ length: to - from }, (_, i): [number, number] => [from + i, 1])
  await t.note(...thousands(1, 8000))
  await t.settleMany()
  expect(await t.waiting()).toBe(1)
  await t.note([8000, 2])
  await t.settleMany()
  expect(await t.waiting()).toBe(0)
  const seen = await t.seen()
  expect([seen.length, seen[0], seen.at(-1)]).toEqual([8000, [1, 1], [8000, 2]])
})

test('more rows than are taken at a time all find their place, also those of a hub that is no more', async () => {
  await using t = await testSightings()
  for (let device = 1; device <= 40; device += 1) await t.note([device, device], [99, device])
  const next = t.open()
  await next.settleMany() // has noted nothing itself
  expect(await t.waiting()).toBe(40)
  await next.settle()
  expect([await t.waiting(), (await t.seen()).length, (await t.seen()).at(-1)]).toEqual([0, 41, [99, 40]])
})

test('two hubs at once leave the later time', async () => {
  await using t = await testSightings()
  const other = t.open()
  for (let second = 1; second <= 30; second += 1) {
    await (second % 2 === 0 ? t : other).note([7, second])
    if (second % 3 === 0) await Promise.all([t.settle(), other.settle()])
  }
  await Promise.all([t.settle(), other.settle()])
  expect([await t.waiting(), await t.seen()]).toEqual([0, [[7, 30]]])
})
