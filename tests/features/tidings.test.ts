import { expect, test } from 'bun:test'
import { asc, eq } from 'drizzle-orm'
import { createGroupCommit } from '../../src/db/group-commit.ts'
import { createLogs } from '../../src/features/logs/service.ts'
import { createTidings } from '../../src/features/logs/tidings.ts'
import { createNotices } from '../../src/features/notices/service.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLog } from '../../src/lib/log.ts'
import { databaseName, freshDb } from '../support/databases.ts'

test(`a log that grows is told on ${databaseName}: at once, then now and then, every entry in one of a few notices`, async () => {
  await using fresh = await freshDb()
  const { db } = fresh
  const { teams, applications, notices: told } = db.tables
  const now = new Date()
  await db.write(async ({ tx }) => {
    await tx.insert(teams).values({ id: 't', name: 'acme', nameKey: 'acme', createdAt: now })
    const apps = ['blinker', 'alarm'].map((slug) => ({ id: slug, teamId: 't', slug, name: slug, createdAt: now }))
    await tx.insert(applications).values(apps)
  })
  const log = createLog('silent')
  const notices = createNotices({ db, clock: systemClock, log })
  const logs = createLogs({ db, commits: createGroupCommit(db), clock: systemClock, log, secret: 'of the tests' })
  const tidings = createTidings({ db, notices, logs, log })
  await notices.start()

  const first = new Promise<unknown>((resolve) => notices.listen(({ data }) => resolve(data)))
  await logs.store('blinker', [{ type: 'audit', payload: '1' }])
  const ofBlinker = { app: 'blinker', application_id: 'blinker', team: 'acme' }
  expect(await first).toEqual({ ...ofBlinker, entries: 1, from: 1, to: 1 })

  for (let n = 0; n < 50; n++)
    await logs.store(
      'blinker',
      Array.from({ length: 20 }, () => ({ type: 'audit', payload: `${n}` }))
    )
  await logs.store('alarm', [{ type: 'audit', payload: '1' }])
  await logs.stop()
  await tidings.stop()
  const rows = await db.read.select().from(told).where(eq(told.type, 'logs.stored')).orderBy(asc(told.seq))
  const growths = rows.map(({ data }) => data as { application_id: string; entries: number; from: number; to: number })
  expect(rows.length).toBeLessThan(10)
  expect(growths.filter(({ application_id }) => application_id === 'alarm')).toMatchObject([{ entries: 1, from: 1, to: 1 }])
  const grown = growths.filter(({ application_id }) => application_id === 'blinker')
  let place = 0
  for (const { entries, from, to } of grown) {
    expect([from, to - from + 1]).toEqual([place + 1, entries])
    place = to
  }
  expect(place).toBe(1001)
})
