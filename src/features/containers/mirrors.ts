import { and, asc, desc, eq, gt, lt, lte } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import type { Relay } from '../hubs/relay.ts'
import type { Spools } from './spools.ts'

const pieceBytes = 64 * 1024
const gatheredFor = 50
const looksEvery = 2000
const waitsFor = 1000

const keyOf = (run: string) => `run:${run}`
const runOf = (key: string) => (key.startsWith('run:') ? key.slice(4) : undefined)

type Needs = { db: Db; clock: Clock; log: Log; spools: Spools; relay: Relay }

export type Mirrors = ReturnType<typeof createMirrors>

/**
 * The logs of runs under way, for readers at other hubs than the one that has the container: while another hub wants one, what
 * is in it is copied into the database as it comes, and goes from there when nobody wants it any more or the run is over.
 */
export function createMirrors({ db, clock, log, spools, relay }: Needs) {
  const { runLogs } = db.tables
  const mirroring = new Set<string>()

  const clear = (run: string) => db.write(({ tx }) => tx.delete(runLogs).where(eq(runLogs.run, run)))

  /** Copies what has come since; gives up to where it is copied. */
  async function copy(run: string, from: number) {
    const bytes = (await spools.of(run)?.read(from, pieceBytes)) ?? new Uint8Array()
    if (bytes.byteLength === 0) return from
    const row = { run, start: from, size: bytes.byteLength, bytes: Buffer.from(bytes).toString('base64'), at: clock.now() }
    await db.write(({ tx }) => tx.insert(runLogs).values(row))
    return from + bytes.byteLength
  }

  async function mirror(run: string) {
    const key = keyOf(run)
    let at = 0
    await clear(run)
    while (relay.isWanted(key)) {
      const size = spools.of(run)?.size()
      if (size === undefined) break
      if (size < at) {
        await clear(run) // it has begun anew
        at = 0
      }
      if (size > at) at = await copy(run, at)
      else await growth(run)
      relay.pass(key, new Uint8Array())
    }
    await clear(run)
    relay.pass(key, new Uint8Array())
  }

  /** Waits until there may be more. */
  async function growth(run: string) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = spools.onNews(run, resolve)
    const timer = setTimeout(resolve, looksEvery)
    await promise
    clearTimeout(timer)
    stop()
    await Bun.sleep(gatheredFor)
  }

  relay.onWanted((key) => {
    const run = runOf(key)
    if (run === undefined || mirroring.has(run) || !spools.of(run)) return
    mirroring.add(run)
    mirror(run)
      .catch((error: unknown) => log.error({ err: error, run }, 'a log could not be copied for other hubs'))
      .finally(() => mirroring.delete(run))
  })

  async function size(run: string) {
    const [last] = await db.read
      .select({ start: runLogs.start, size: runLogs.size })
      .from(runLogs)
      .where(eq(runLogs.run, run))
      .orderBy(desc(runLogs.start))
      .limit(1)
    return last ? last.start + last.size : 0
  }

  /** Has the hub that has the run copy it, and waits until it has begun, but not for long: it may be gone. */
  async function ask(run: string) {
    if ((await size(run)) > 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = relay.want(keyOf(run), (bytes) => bytes && resolve())
    const timer = setTimeout(resolve, waitsFor)
    await promise
    clearTimeout(timer)
    stop()
  }

  return {
    /** The log of a run that another hub has. */
    of: (run: string) => ({
      /** How many bytes are to be had. */
      async size() {
        await ask(run)
        return size(run)
      },

      /** At most `most` bytes from `offset` on. */
      async read(offset: number, most: number): Promise<Uint8Array> {
        await ask(run)
        const isPiece = and(eq(runLogs.run, run), lte(runLogs.start, offset), gt(runLogs.start, offset - pieceBytes))
        const [piece] = await db.read.select().from(runLogs).where(isPiece).orderBy(desc(runLogs.start)).limit(1)
        if (!piece) return new Uint8Array()
        return Buffer.from(piece.bytes, 'base64').subarray(offset - piece.start, offset - piece.start + most)
      }
    }),

    /** Calls `reader` whenever there may be more to read of a log, wherever it is. Gives the way to stop. */
    onNews(run: string, reader: () => void) {
      const stops = [spools.onNews(run, reader), relay.want(keyOf(run), () => reader())]
      return () => {
        for (const stop of stops) stop()
      }
    },

    /** Removes up to `limit` pieces from before a time, of hubs that are gone; gives how many went. */
    async removeOld(before: Date, limit: number) {
      const old = await db.read
        .select({ run: runLogs.run, start: runLogs.start })
        .from(runLogs)
        .where(lt(runLogs.at, before))
        .orderBy(asc(runLogs.at))
        .limit(limit)
      if (old.length === 0) return 0
      await db.write(async ({ tx }) => {
        for (const { run, start } of old) await tx.delete(runLogs).where(and(eq(runLogs.run, run), eq(runLogs.start, start)))
      })
      return old.length
    }
  }
}
