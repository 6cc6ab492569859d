import { and, asc, eq, gt, lte, or, sql } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { GroupCommit } from '../../db/group-commit.ts'
import { type Change, type Db, given } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import type { Application } from '../applications/service.ts'
import type { Running } from './columns.ts'

type Sighting = Running & { seenAt: Date }

const rememberedAtMost = 100_000
const waitingAtMost = 20_000
const gatheredFor = 250
const atOnce = 200
const freshFor = 60_000

export type Sightings = ReturnType<typeof createSightings>

/**
 * What each client last said that it runs, and when. It is written behind the answer, many in one transaction: when the
 * process dies, what was said in its last quarter of a second may be lost. Who says the same again within a minute is not
 * written again.
 */
export function createSightings({ db, commits, clock, log }: { db: Db; commits: GroupCommit; clock: Clock; log: Log }) {
  const { clients } = db.tables
  const written = new LRUCache<string, { version: string; at: number }>({ max: rememberedAtMost })
  const waiting = new Map<string, Sighting>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined

  const upsert = db.prepare((database) =>
    database
      .insert(clients)
      .values({
        applicationId: given('applicationId'),
        clientId: given('clientId'),
        architecture: given('architecture'),
        version: given('version'),
        seenAt: given('seenAt')
      })
      .onConflictDoUpdate({
        target: [clients.applicationId, clients.clientId, clients.architecture],
        set: { version: sql`excluded.version`, seenAt: sql`excluded.seen_at` },
        setWhere: lte(clients.seenAt, sql`excluded.seen_at`) // another hub may have seen it since
      })
  )

  const keyOf = ({ applicationId, architecture, clientId }: Running) => `${applicationId}/${architecture}/${clientId}`

  async function store(change: Change, batch: [string, Sighting][]) {
    await change.lockOrder() // before the application's row, as everywhere
    await Promise.all(batch.map(([, sighting]) => upsert.within(change, sighting)))
  }

  async function write(batch: [string, Sighting][]): Promise<void> {
    try {
      await commits.submit((change) => store(change, batch))
    } catch (error) {
      // One whose application has just gone fails all: each gets a transaction of its own.
      if (batch.length > 1) {
        for (const one of batch) await write([one])
        return
      }
      for (const [key] of batch) written.delete(key)
      log.debug({ err: error }, 'what a client runs could not be noted')
    }
  }

  async function writeWaiting() {
    while (waiting.size > 0) {
      const batch = [...waiting.entries().take(atOnce)]
      for (const [key] of batch) waiting.delete(key)
      await write(batch)
    }
    writing = undefined
  }

  function writeNow() {
    clearTimeout(timer)
    timer = undefined
    writing ??= writeWaiting()
    return writing
  }

  return {
    /** Notes what a client runs. There is something to wait for only where more waits than memory should hold. */
    note(running: Running): Promise<void> | undefined {
      const key = keyOf(running)
      const seenAt = clock.now()
      const at = seenAt.getTime()
      const last = written.get(key)
      if (last && last.version === running.version && at - last.at < freshFor) return undefined
      written.set(key, { version: running.version, at })
      waiting.set(key, { ...running, seenAt })
      timer ??= setTimeout(() => void writeNow(), gatheredFor)
      return waiting.size > waitingAtMost ? writeNow() : undefined
    },

    /** Up to `limit` clients of an application, and the cursor to read on from, if there are more. */
    async list({ id }: Application, { limit, cursor = '' }: { limit: number; cursor?: string | undefined }) {
      const [client = '', architecture = ''] = cursor.split('/')
      const columns = {
        clientId: clients.clientId,
        architecture: clients.architecture,
        version: clients.version,
        seenAt: clients.seenAt
      }
      const isAfter = or(gt(clients.clientId, client), and(eq(clients.clientId, client), gt(clients.architecture, architecture)))
      const rows = await db.read
        .select(columns)
        .from(clients)
        .where(and(eq(clients.applicationId, id), isAfter))
        .orderBy(asc(clients.clientId), asc(clients.architecture))
        .limit(limit + 1)
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return { clients: rows.slice(0, limit), next: last && `${last.clientId}/${last.architecture}` }
    },

    /** Writes what waits to be written; resolves when nothing does. */
    settled: async () => writeNow()
  }
}
