import { Database } from 'bun:sqlite'
import { expect, spyOn, test } from 'bun:test'
import { join } from 'node:path'
import { and, eq } from 'drizzle-orm'
import { openSqlite } from '../../src/db/sqlite.ts'
import { choiceColumns } from '../../src/features/deployments/choice.ts'
import { createSearch } from '../../src/features/packages/search.ts'
import { newestRelease } from '../../src/features/releases/latest.ts'
import { testHub } from '../support/hub.ts'

test('which deployment a device should run is found by seeks, however many there are', async () => {
  await using hub = await testHub()
  const path = join(hub.dataDir, 'plans.sqlite')
  const db = await openSqlite(path)
  const { devices } = db.tables
  const { sql, params } = db.read
    .select({ id: devices.id, ...choiceColumns(db.tables) })
    .from(devices)
    .where(and(eq(devices.secretHash, 'x')))
    .toSQL()
  const reader = new Database(path, { readonly: true })
  const plan = reader.query<{ detail: string }, string[]>(`explain query plan ${sql}`).all(...(params as string[]))
  const details = plan.map(({ detail }) => detail)
  expect(details.filter((detail) => detail.startsWith('SCAN'))).toEqual([])
  expect(details.filter((detail) => detail.includes('deployments_choice (application_id=? AND board=? AND tag=?)'))).toHaveLength(
    2
  )
  expect(details.some((detail) => detail.includes('devices_secret'))).toBe(true)
  reader.close()
  await db.close()
})

test('the latest release is found by a seek, however many there are and whatever is withdrawn', async () => {
  await using hub = await testHub()
  const path = join(hub.dataDir, 'plans.sqlite')
  const db = await openSqlite(path)
  const { sql } = newestRelease(db.read, db.tables).toSQL()
  const reader = new Database(path, { readonly: true })
  const plan = reader.query<{ detail: string }, string[]>(`explain query plan ${sql}`).all('app', 'x86', '0', '1')
  expect(plan.map(({ detail }) => detail)).toEqual([
    'SEARCH releases USING INDEX releases_latest (application_id=? AND architecture=? AND disabled=?)'
  ])
  reader.close()
  await db.close()
})

test('packages are found, and paged through, by seeks in the order of their names', async () => {
  await using hub = await testHub()
  const path = join(hub.dataDir, 'plans.sqlite')
  const db = await openSqlite(path)
  const search = createSearch(db)
  const prepare = spyOn(Database.prototype, 'prepare')
  for (const wanted of [undefined, 'json', 'lua json parser']) await search.find(wanted, { after: 'm', limit: 50 })
  const queries = prepare.mock.calls.map(([sql]) => sql)
  prepare.mockRestore()
  const reader = new Database(path, { readonly: true })
  const details = queries.flatMap((sql) => reader.query<{ detail: string }, []>(`explain query plan ${sql}`).all())
  const plan = details.map(({ detail }) => detail)
  reader.close()
  await db.close()
  expect(plan.filter((detail) => /^SCAN (?!candidates)/.test(detail))).toEqual([])
  expect(plan).toContainEqual(expect.stringContaining('packages_name (name>?)'))
  expect(plan).toContainEqual(expect.stringContaining('(term=? AND name>?)'))
  expect(plan).toContainEqual(expect.stringContaining('(term=? AND name=?)'))
})
