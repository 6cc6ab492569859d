import { expect, test } from 'bun:test'
import type { Change, Db } from '../../src/db/index.ts'
import { createApplications } from '../../src/features/applications/service.ts'
import type { Notices } from '../../src/features/notices/service.ts'
import type { Teams } from '../../src/features/teams/service.ts'
import { newId } from '../../src/lib/secrets.ts'
import { databaseName, freshDb } from '../support/databases.ts'

const now = new Date('2026-11-20T12:00:00Z')
const team = { id: newId(), name: 'ada' }

/** The database, and how many rows one tried to insert into it. */
function counted(db: Db) {
  let inserts = 0
  const counting = (tx: Change['tx']) =>
    new Proxy(tx, {
      get(target, key) {
        if (key === 'insert') inserts += 1
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
  const write: Db['write'] = (work) => db.write((change) => work({ ...change, tx: counting(change.tx) }))
  return { db: { ...db, write }, inserts: () => inserts }
}

test(`on ${databaseName}, of a hundred applications of one name the next gets its slug at the first try`, async () => {
  await using t = await freshDb()
  const { applications, teams } = t.db.tables
  const slugs = ['weather', 'weather-report', 'weather2', ...Array.from({ length: 100 }, (_, n) => `weather-${n + 2}`)]
  await t.db.write(async ({ tx }) => {
    await tx.insert(teams).values({ ...team, nameKey: team.name, createdAt: now })
    await tx
      .insert(applications)
      .values(slugs.map((slug) => ({ id: newId(), teamId: team.id, slug, name: slug, createdAt: now })))
  })
  const { db, inserts } = counted(t.db)
  const notices = { record: async () => {} } as unknown as Notices
  const named = createApplications({ db, clock: { now: () => now }, notices, teams: {} as Teams }).createNamed
  expect((await named(team, { name: 'Weather' })).slug).toBe('weather-102')
  expect((await named(team, { name: 'Weather report' })).slug).toBe('weather-report-2')
  expect((await named({ ...team }, { name: 'weather 2' })).slug).toBe('weather-2-2')
  expect((await named(team, { name: 'Weather' })).slug).toBe('weather-103')
  expect(inserts()).toBe(4)
})
