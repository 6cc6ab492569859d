import { Database } from 'bun:sqlite'
import { describe, expect, spyOn, test } from 'bun:test'
import { join } from 'node:path'
import type { Db } from '../../src/db/index.ts'
import { openSqlite } from '../../src/db/sqlite.ts'
import { partBits } from '../../src/db/tables/logs.ts'
import { createParts } from '../../src/features/logs/parts.ts'
import { databaseName, freshDb } from '../support/databases.ts'
import { testHub } from '../support/hub.ts'

const noon = new Date('2026-11-20T12:00:00Z')
const inPart = 2 ** partBits
const limit = 1000
const [lamp, bulb] = [1, 2]

type Said = { id: number; device?: number; log?: number | null }

async function say(db: Db, said: Said[]) {
  const rows = said.map(({ id, device = lamp, log = null }) => ({ id, device, log, type: 'device', payload: `${id}`, at: noon }))
  for (let from = 0; from < rows.length; from += limit) {
    await db.write((change) => db.insertMany(change, db.tables.logEntries, rows.slice(from, from + limit)))
  }
}

/** What a device has said, page after page. */
async function pages(db: Db, device = lamp, start = 0) {
  const { linesOf } = createParts(db)
  const found: number[][] = []
  for (let after = start; ; ) {
    const lines = await linesOf(device, { after, limit })
    found.push(lines.map(({ id }) => id))
    after = lines.at(-1)?.id ?? 0
    if (lines.length < limit) return found
  }
}

describe(`the lines of a device on ${databaseName}`, () => {
  test('are found in every part of the log, in order, from where they are asked for', async () => {
    await using t = await freshDb()
    const ids = [3, inPart - 1, inPart, 5 * inPart, 700 * inPart + 17, 2000 * inPart]
    await say(t.db, [...ids.map((id) => ({ id })), { id: 4, device: bulb }, { id: 3000 * inPart, device: bulb }])
    expect(await pages(t.db)).toEqual([ids])
    expect(await pages(t.db, lamp, inPart)).toEqual([[5 * inPart, 700 * inPart + 17, 2000 * inPart]])
    expect(await pages(t.db, bulb)).toEqual([[4, 3000 * inPart]])
    expect(await pages(t.db, lamp, 2000 * inPart)).toEqual([[]])
  })

  test('come in whole pages, however unevenly they lie', async () => {
    await using t = await freshDb()
    const dense = (part: number, howMany: number) => Array.from({ length: howMany }, (_, i) => ({ id: part * inPart + i + 1 }))
    const said = [...dense(0, 2), ...dense(3, 900), ...dense(4, 900), ...dense(5, 1200), ...dense(90, 999)]
    await say(t.db, said)
    const found = await pages(t.db)
    expect(found.map((page) => page.length)).toEqual([1000, 1000, 1000, 1000, 1])
    expect(found.flat()).toEqual(said.map(({ id }) => id))
  })

  test('that are in no log go with it from every part, and no others', async () => {
    await using t = await freshDb()
    await say(t.db, [{ id: 1 }, { id: 2, log: 7 }, { id: 3, device: bulb }, { id: 300 * inPart }, { id: 600 * inPart, log: 7 }])
    await t.db.write((change) => createParts(t.db).removeOfNoLog(change, lamp))
    expect([await pages(t.db), await pages(t.db, bulb)]).toEqual([[[2, 600 * inPart]], [[3]]])
  })
})

test('the lines of a device are found by seeks, however many others say something', async () => {
  await using hub = await testHub()
  const path = join(hub.dataDir, 'plans.sqlite')
  const db = await openSqlite(path)
  await say(db, [{ id: 1 }, { id: 9 * inPart }])
  const prepare = spyOn(Database.prototype, 'prepare')
  await pages(db)
  await db.write((change) => createParts(db).removeOfNoLog(change, lamp))
  const queries = prepare.mock.calls.map(([sql]) => sql)
  prepare.mockRestore()
  await db.close()
  const reader = new Database(path, { readonly: true })
  const plan = queries.flatMap((sql) => reader.query<{ detail: string }, []>(`explain query plan ${sql}`).all())
  reader.close()
  const seeks = plan.filter(({ detail }) => detail.includes('log_entries_of_device_in_part (<expr>=? AND device=?'))
  expect(seeks.length).toBe(queries.filter((sql) => sql.includes('>> 14')).length)
  expect(seeks.length).toBeGreaterThanOrEqual(3)
})
