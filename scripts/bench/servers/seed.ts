import { join } from 'node:path'
import { createDiskStore } from '../../../src/blobs/disk.ts'
import { readConfig } from '../../../src/config.ts'
import { createGroupCommit } from '../../../src/db/group-commit.ts'
import { openPostgres } from '../../../src/db/postgres.ts'
import { openSqlite } from '../../../src/db/sqlite.ts'
import { createLogs } from '../../../src/features/logs/service.ts'
import { createHub } from '../../../src/hub.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLog } from '../../../src/lib/log.ts'
import { hashSecret, keptSecret, newId } from '../../../src/lib/secrets.ts'
import { app, board, nameOf, owner, secretOf } from '../fleet.ts'

const rowsAtOnce = 1000

/** How much there is to be: devices of one team and application, lines in the log, deployments of the same image. */
export type Amount = { devices: number; lines?: number; deployments?: number; image?: Uint8Array }

/** The application that the devices run, and its API key. */
export type Seeded = { applicationId: string; apiKey: string }

/** Where it is: in PostgreSQL where there is a URL, else in the folder. */
type Place = { dataDir: string; databaseUrl?: string | undefined }

/** What hubs on one database sign with. */
export const jwtSecret = 'a secret of the benchmark, long enough to sign with'

type Parents = { teamId: string; applicationId: string }

/**
 * Prepares a data folder: the user, who is an administrator, and the application by the hub's own services, the many rows
 * straight into the tables.
 */
export async function seed(
  { dataDir, databaseUrl }: Place,
  { devices, lines = 0, deployments = 0, image }: Amount
): Promise<Seeded> {
  const { apiKey, ...parents } = await makeParents({ dataDir, databaseUrl })
  const db = databaseUrl ? await openPostgres(databaseUrl) : await openSqlite(join(dataDir, 'updraft.sqlite'))
  const ids = await addDevices(db, parents, devices)
  if (image) await addDeployments(db, parents, { dataDir, image, count: Math.max(1, deployments) })
  await addLines(db, parents, { ids, count: lines, dataDir })
  await db.close()
  return { applicationId: parents.applicationId, apiKey }
}

type Database = Awaited<ReturnType<typeof openSqlite>>

async function makeParents({ dataDir, databaseUrl }: Place): Promise<Parents & Seeded> {
  const inPostgres = databaseUrl ? { DATABASE_URL: databaseUrl, JWT_SECRET: jwtSecret } : {}
  const config = readConfig({ DATA_DIR: dataDir, LOG_LEVEL: 'silent', ...inPostgres })
  const hub = await createHub({ config, log: createLog('silent') })
  const caller = await hub.accounts.register(owner, '127.0.0.1')
  await hub.accounts.setRole(caller.id, 'SUPER_ADMIN')
  const [team] = await hub.teams.ofUser(caller.id)
  if (!team) throw new Error('a new user has a team')
  const { id: applicationId } = await hub.applications.create(team, { slug: app })
  const { apiKey } = await hub.administration.renewKey(applicationId)
  await hub.close()
  return { teamId: team.id, applicationId, apiKey }
}

/** Calls `insert` for the numbers from 1 to `count`, a thousand of them in a statement. */
async function inBatches<T>(
  db: Database,
  count: number,
  insert: (tx: Parameters<Parameters<Database['write']>[0]>[0]['tx'], numbers: number[]) => Promise<T>
) {
  for (let from = 1; from <= count; from += rowsAtOnce) {
    const numbers = Array.from({ length: Math.min(rowsAtOnce, count - from + 1) }, (_, i) => from + i)
    await db.write(({ tx }) => insert(tx, numbers))
  }
}

async function addDevices(db: Database, parents: Parents, count: number) {
  const ids: string[] = []
  await inBatches(db, count, async (tx, numbers) => {
    const common = { ...parents, board, status: 'running' as const, createdAt: new Date(), relaunchSeq: 0, relaunchToldSeq: 0 }
    const rows = numbers.map((i) => ({ ...common, id: newId(), name: nameOf(i), secretHash: hashSecret(secretOf(i)) }))
    await tx.insert(db.tables.devices).values(rows)
    ids.push(...rows.map(({ id }) => id))
  })
  return ids
}

type Lines = { ids: string[]; count: number; dataDir: string }

type Images = { dataDir: string; image: Uint8Array; count: number }

async function addDeployments(db: Database, { applicationId }: Parents, { dataDir, image, count }: Images) {
  const store = createDiskStore(join(dataDir, 'blobs'))
  await store.prepare()
  const { keep, sha256, md5, size } = await store.stage(once(image), image.byteLength)
  await keep()
  const row = { applicationId, board, tag: null, groupId: newId(), sha256, md5, size, createdAt: new Date() }
  await inBatches(db, count, (tx, numbers) => tx.insert(db.tables.deployments).values(numbers.map(() => row)))
}

async function* once<T>(value: T) {
  yield value
}

/** Lines come in as reports do, so that they are in every place where the hub has them. */
async function addLines(db: Database, { applicationId }: Parents, { ids, count, dataDir }: Lines) {
  const secret = await keptSecret(join(dataDir, 'jwt-secret'))
  const logs = createLogs({ db, commits: createGroupCommit(db), clock: systemClock, log: createLog('silent'), secret })
  const at = systemClock.now()
  for (let from = 1; from <= count; from += rowsAtOnce) {
    const numbers = Array.from({ length: Math.min(rowsAtOnce, count - from + 1) }, (_, i) => from + i)
    const reportOf = (i: number) => ({ device: ids[i % ids.length] ?? '', applicationId, at, lines: [`line ${i}`] })
    await Promise.all(numbers.map((i) => logs.report(reportOf(i))))
    await logs.settle()
  }
  await logs.stop()
}
