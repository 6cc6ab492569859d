import { expect, test } from 'bun:test'
import { createGroupCommit } from '../../src/db/group-commit.ts'
import type { Db } from '../../src/db/index.ts'
import { createChain } from '../../src/features/logs/chain.ts'
import { createLogDevices } from '../../src/features/logs/devices.ts'
import { createEntries, type Stored } from '../../src/features/logs/entries.ts'
import { createFoldThread, type FoldThread } from '../../src/features/logs/fold-thread.ts'
import { createFolding } from '../../src/features/logs/folding.ts'
import { createIntake } from '../../src/features/logs/intake.ts'
import { packed, type Report } from '../../src/features/logs/packing.ts'
import { createLogs } from '../../src/features/logs/service.ts'
import { createSightings } from '../../src/features/logs/sightings.ts'
import { createLog } from '../../src/lib/log.ts'
import { newId } from '../../src/lib/secrets.ts'
import { freshDb, postgresServer } from '../support/databases.ts'
import { until } from '../support/mqtt.ts'

const noon = Date.parse('2026-11-28T12:00:00Z')
const secret = 'of the tests'
const MiB = 1024 * 1024

async function application({ tables, write }: Db) {
  const [id, teamId] = [newId(), newId()]
  const createdAt = new Date(noon)
  await write(async ({ tx }) => {
    await tx.insert(tables.teams).values({ id: teamId, name: 'ada', nameKey: 'ada', createdAt })
    await tx.insert(tables.applications).values({ id, teamId, slug: 'blinker', name: 'blinker', createdAt })
  })
  return id
}

type Apart = NonNullable<Db['apart']>

/** Calls `asked` once work was given something to take. */
const noticing = ({ path, take }: Apart, asked: () => void): Apart => ({
  path,
  take: (bytes, work) =>
    take(bytes, (taken) => {
      const done = work(taken)
      asked()
      return done
    })
})

/** A database with an application, a log over it and what that logs of itself, and a thread that folds. */
async function stage(changed: (db: Db) => Db = (db) => db) {
  const { db: plain, ...end } = await freshDb()
  const db = changed(plain)
  const app = await application(db)
  const said: string[] = []
  const log = createLog('info', { write: (line: string) => void said.push(line) })
  const logs = createLogs({ db, commits: createGroupCommit(db), clock: { now: () => new Date(noon) }, log, secret })
  const thread = createFoldThread({ apart: db.apart as Apart, secret, log })
  const report = (device: string | number, line: string): Report => [device, app, noon, line]
  return {
    db,
    app,
    logs,
    thread,
    log,
    said,
    append: (reports: Report[]) => db.intake.append(packed(reports)),
    report,
    async up() {
      thread.start()
      await until(thread.isUp, 'the thread', 20_000)
    },
    async [Symbol.asyncDispose]() {
      await logs.stop()
      await thread.stop()
      await end[Symbol.asyncDispose]()
    }
  }
}

if (!postgresServer) {
  test('a thread folds what waits into the log, and tells what that came to', async () => {
    await using t = await stage()
    await t.up()
    await t.append([t.report('lamp', 'one'), t.report('bell', 'two')])
    await t.append([t.report('lamp', 'three')])
    const taken = await t.thread.fold(MiB)
    expect(taken?.last).toBe(2)
    expect(taken?.result.stored).toEqual([{ applicationId: t.app, entries: 3, last: 3 }])
    expect(taken?.result.numbers).toEqual(
      new Map([
        ['lamp', 1],
        ['bell', 2]
      ])
    )
    expect(await t.thread.fold(MiB)).toBeUndefined()
    const { lines } = await t.logs.ofDevice('lamp', { after: 0 })
    expect(lines.map(({ line }) => line)).toEqual(['one', 'three'])
    await t.logs.settleSeen()
    expect(await t.db.read.select().from(t.db.tables.logSeen)).toHaveLength(2)
    expect(await t.logs.verify(t.app)).toEqual({ from: 1, to: 3, checked: 3 })
  })

  test('meanwhile others write to the same log: each in turn, none lost, the chain holds', async () => {
    await using t = await stage()
    await t.up()
    const programs: Promise<void>[] = []
    for (let n = 0; n < 20; n++) {
      await t.append(Array.from({ length: 100 }, (_, i) => t.report(`device ${i}`, `line ${n}`)))
      programs.push(t.logs.store(t.app, [{ type: 'audit', payload: `entry ${n}` }]))
      await t.thread.fold(MiB)
    }
    await Promise.all(programs)
    expect(await t.logs.verify(t.app)).toEqual({ from: 1, to: 2020, checked: 2020 })
  })

  test('thousands at a time are given to a thread, which those who listen and count hear of too', async () => {
    await using t = await stage()
    const stored: Stored[] = []
    t.logs.listen((one) => void stored.push(one))
    let sent = 0
    while (!t.logs.hasThread()) {
      const some = Array.from({ length: 4000 }, (_, n) => ({ device: `device ${n % 50}`, lines: [`line ${sent + n}`] }))
      await Promise.all(some.map((one) => t.logs.report({ applicationId: t.app, at: new Date(noon), ...one })))
      sent += some.length
    }
    await t.logs.report({ device: 'device 1', applicationId: t.app, at: new Date(noon), lines: ['the last'] })
    expect(await t.logs.total(t.app)).toBe(sent + 1)
    expect(stored.reduce((sum, { entries }) => sum + entries, 0)).toBe(sent + 1)
    expect(await t.logs.verify(t.app)).toMatchObject({ checked: sent + 1 })
    await t.logs.stop()
    expect([t.logs.hasThread(), t.said]).toEqual([false, []])
  })

  test('what it cannot fold stays where it is, and holds up nobody who writes', async () => {
    await using t = await stage()
    await t.up()
    await t.db.intake.append(['this is not what devices report'])
    const failure = await t.thread.fold(MiB).catch((error: Error) => error.message)
    expect(failure).toBe('Reports were not folded: SyntaxError')
    await t.logs.store(t.app, [{ type: 'audit', payload: 'goes on' }])
    expect(await t.db.intake.newest()).toBe(1)
    await t.db.write((change) => t.db.intake.take(change, MiB)) // or the end of this test would try it again
  })

  test('where there can be none the hub folds by itself, and says so once', async () => {
    await using t = await stage((db) => ({ ...db, apart: db.apart && { ...db.apart, path: '/nowhere/updraft.sqlite' } }))
    let sent = 0
    while (t.said.length === 0 || sent < 30_000) {
      const some = Array.from({ length: 4000 }, (_, n) => ({ device: `device ${n % 50}`, lines: [`line ${n}`] }))
      await Promise.all(some.map((one) => t.logs.report({ applicationId: t.app, at: new Date(noon), ...one })))
      sent += some.length
    }
    expect(await t.logs.total(t.app)).toBe(sent)
    expect(t.said.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'the thread that folds reports is gone; the hub does it by itself'
    ])
    expect(t.logs.hasThread()).toBe(false)
  })

  test('it ends once it has done what it is at, and holds up nobody who writes', async () => {
    const asked = Promise.withResolvers<void>()
    await using t = await stage((db) => ({ ...db, apart: db.apart && noticing(db.apart, asked.resolve) }))
    await t.up()
    await t.append(Array.from({ length: 5000 }, (_, n) => t.report(`device ${n}`, `line ${n}`)))
    const folding = t.thread.fold(MiB)
    await asked.promise
    await Promise.all([t.thread.stop(), t.logs.store(t.app, [{ type: 'audit', payload: 'meanwhile' }])])
    expect((await folding)?.result.numbers.size).toBe(5000)
    expect(await t.logs.total(t.app)).toBe(5001)
  })

  test('what it has not folded when it ends the hub folds by itself', async () => {
    await using t = await stage()
    let isUp = true
    const thread: FoldThread = {
      isUp: () => isUp,
      start() {},
      async fold() {
        isUp = false
        throw new Error('it has ended')
      },
      stop: async () => {}
    }
    const { db, log } = t
    const [entries, devices] = [createEntries({ db, chain: createChain(secret) }), createLogDevices({ db })]
    const sightings = createSightings({ db })
    const folding = createFolding({ entries, devices, sightings })
    const intake = createIntake({ db, log, entries, devices, sightings, folding, thread, committed() {} })
    await intake.add({ device: 'lamp', applicationId: t.app, at: new Date(noon), lines: ['the last'] })
    await intake.settle()
    await intake.stop()
    expect([isUp, await t.logs.total(t.app), t.said]).toEqual([false, 1, []])
  })

  test('it ends when it is told to, also while it begins, and begins again', async () => {
    await using t = await stage()
    t.thread.start()
    await t.thread.stop()
    await t.up()
    await t.thread.stop()
    expect([t.thread.isUp(), t.said]).toEqual([false, []])
    await t.up()
    await t.append([t.report('lamp', 'one')])
    expect((await t.thread.fold(MiB))?.last).toBe(1)
  })
}
