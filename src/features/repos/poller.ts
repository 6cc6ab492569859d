import { and, asc, count, eq, lt, lte } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import type { Checks } from './checks.ts'
import type { WatchLists } from './watch-lists.ts'

const roundsInInterval = 15
const shortestRound = 10
const longestRound = 60_000
const leastInRound = 5

type Needs = { db: Db; clock: Clock; log: Log; checks: Checks; lists: WatchLists; interval: number }

export type Poller = ReturnType<typeof createPoller>

/**
 * Asks for the latest releases in the background, of each repo about once in `interval` (ms; 0: never), by one node at a time.
 * It does so in many small rounds: after a long absence too there is no burst.
 */
export function createPoller({ db, clock, log, checks, lists, interval }: Needs) {
  const { repos } = db.tables
  const every = Math.min(Math.max(interval / roundsInInterval, shortestRound), longestRound)
  let timer: NodeJS.Timeout | undefined
  let running: Promise<unknown> = Promise.resolve()
  let stopped = false

  /** Twice as many as it takes to come round in time. */
  async function share() {
    const [row] = await db.read.select({ repos: count() }).from(repos).where(eq(repos.isPublic, true))
    return Math.max(leastInRound, Math.ceil((2 * (row?.repos ?? 0) * every) / interval))
  }

  const postpone = (until: Date) =>
    db.write(({ tx }) =>
      tx
        .update(repos)
        .set({ nextCheckAt: until })
        .where(and(eq(repos.isPublic, true), lt(repos.nextCheckAt, until)))
    )

  /** One round; gives how many repos were asked for. A repo seen with a watcher's token only waits for that watcher. */
  async function round() {
    const isDue = and(eq(repos.isPublic, true), lte(repos.nextCheckAt, clock.now()))
    const due = await db.read
      .select()
      .from(repos)
      .where(isDue)
      .orderBy(asc(repos.nextCheckAt))
      .limit(await share())
    if (due.length === 0) return 0
    // What nobody came to watch, as whoever wanted to was refused or the hub died in between, has not gone with its last watcher.
    const gone = await db.write((change) => lists.removeUnwatched(change, due.map(idOf)))
    const outcomes = await checks.checkAll(due.filter(({ id }) => !gone.includes(id)))
    const quota = [...outcomes.values()].find((outcome) => outcome.kind === 'quota')
    if (quota) {
      log.warn({ until: quota.until }, 'GitHub answers no more requests; all repos wait until then')
      await postpone(quota.until)
    }
    return outcomes.size
  }

  function goOn() {
    if (stopped) return
    timer = setTimeout(() => {
      running = db
        .alone('polling', round)
        .catch((error: unknown) => log.error({ err: error }, 'polling failed; it goes on with the next round'))
        .finally(goOn)
    }, every)
  }

  return {
    round,
    /** Goes round until stopped. */
    start() {
      if (interval > 0) goOn()
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    }
  }
}

const idOf = ({ id }: { id: string }) => id
