import { expect, test } from 'bun:test'
import { createGroupCommit } from '../../src/db/group-commit.ts'
import type { Db } from '../../src/db/index.ts'
import { createLogs } from '../../src/features/logs/service.ts'
import { createLog } from '../../src/lib/log.ts'
import { databaseName, freshDb } from '../support/databases.ts'
import { until } from '../support/mqtt.ts'

const noon = new Date('2026-11-28T12:00:00Z')
const line = 'x'.repeat(60_000)
const fewest = 1024 * 1024

test(`what nobody can put into the log is taken in up to a MiB, and refused past it until somebody can, on ${databaseName}`, async () => {
  await using fresh = await freshDb()
  let isFull = true
  const write: Db['write'] = (work) =>
    isFull ? Promise.reject(Object.assign(new Error('full'), { code: 'SQLITE_FULL' })) : fresh.db.write(work)
  const db = { ...fresh.db, write }
  const said: string[] = []
  const log = createLog('info', { write: (text: string) => void said.push(text) })
  const logs = createLogs({ db, commits: createGroupCommit(db), clock: { now: () => noon }, log, secret: 'of the tests' })
  let taken = 0
  /** What a report is refused with; nothing where it is taken in. */
  async function refusal() {
    try {
      await logs.report({ device: 'lamp', applicationId: null, at: noon, lines: [line] })
      taken++
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  await refusal()
  await until(() => said.length > 0, 'the hub to say that it cannot')
  let refused: string | undefined
  do refused = await refusal()
  while (refused === undefined)
  expect(refused).toBe('There is no room left to store anything')
  expect(taken * line.length).toBeGreaterThan(fewest)
  isFull = false
  await until(async () => (await refusal()) === undefined, 'reports to be taken in again')
  expect((await logs.ofDevice('lamp', { after: 0 })).lines).toHaveLength(taken)
  await logs.stop()
})
