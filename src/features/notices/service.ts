import { and, asc, eq, gt, inArray, lte, max, min, or } from 'drizzle-orm'
import { type Change, type Db, given } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { asUnavailable } from '../../lib/failures.ts'
import type { Log } from '../../lib/log.ts'
import { everyone, type NewNotice, type Notice } from './kinds.ts'

const batch = 500
const rest = 1000

/** Who reads notices: a user of teams, or an administrator who sees all. */
export type Viewer = { id: string; seesAll: boolean }

export type Notices = ReturnType<typeof createNotices>

/** What has changed: recorded with the change, told after its commit, in commit order. */
export function createNotices({ db, clock, log }: { db: Db; clock: Clock; log: Log }) {
  const { notices, members, watchers } = db.tables
  const recorded = new WeakMap<Change, NewNotice[]>()
  const listeners = new Set<(notice: Notice) => void>()
  const commitListeners = new Set<(notice: NewNotice) => void>()
  let told = 0
  let news = Promise.withResolvers<void>()
  let telling = false
  let woken = false

  const insertOne = db.prepare((database) =>
    database.insert(notices).values({
      type: given('type'),
      teamId: given('teamId'),
      userId: given('userId'),
      repoId: given('repoId'),
      data: given('data'),
      at: given('at')
    })
  )

  async function insertRecorded(change: Change) {
    const at = clock.now()
    await change.lockOrder()
    const rows = (recorded.get(change) ?? []).map(({ type, teamId = null, userId = null, repoId = null, data }) => ({
      type,
      teamId,
      userId,
      repoId,
      data,
      at
    }))
    await Promise.all([...rows.map((row) => insertOne.within(change, row)), change.wakeOthers()])
  }

  async function readAfter(seq: number) {
    const rows = await db.read.select().from(notices).where(gt(notices.seq, seq)).orderBy(asc(notices.seq)).limit(batch)
    return rows as Notice[]
  }

  function tellOne(notice: Notice) {
    for (const listener of listeners) {
      try {
        listener(notice)
      } catch (error) {
        log.error({ err: error, seq: notice.seq, type: notice.type }, 'a listener failed on a notice')
      }
    }
    told = notice.seq
  }

  /** Reads on from the last notice told, whoever wrote it: so order is commit order, and none is missed. */
  async function tell() {
    woken = true
    if (telling) return
    telling = true
    try {
      while (woken) {
        woken = false
        const fresh = await readAfter(told)
        for (const notice of fresh) tellOne(notice)
        if (fresh.length === batch) woken = true
        if (fresh.length > 0) wakeReaders()
      }
    } catch (error) {
      log[asUnavailable(error) ? 'debug' : 'error']({ err: error }, 'notices could not be read; it is tried again')
      setTimeout(() => void tell(), rest).unref()
    } finally {
      telling = false
    }
  }

  function wakeReaders() {
    news.resolve()
    news = Promise.withResolvers<void>()
  }

  async function latest() {
    const [row] = await db.read.select({ seq: max(notices.seq) }).from(notices)
    return row?.seq ?? 0
  }

  return {
    /** Starts telling with what is committed from now on, by whichever process. */
    async start() {
      told = await latest()
      db.onWake(() => void tell())
    },

    /** Records a notice in the transaction of the change that it is about. */
    async record(change: Change, notice: NewNotice) {
      const pending = recorded.get(change)
      if (pending) return void pending.push(notice)
      recorded.set(change, [notice])
      change.beforeCommit(notices, () => insertRecorded(change))
      change.afterCommit(() => {
        for (const done of recorded.get(change) ?? []) for (const listener of commitListeners) listener(done)
        void tell()
      })
    },

    /** Calls `listener` with every notice after its commit, in commit order. Gives the way to stop. */
    listen(listener: (notice: Notice) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },

    /** Calls `listener` with what this process itself has committed, at once: before the caller of the change goes on. */
    onCommit: (listener: (notice: NewNotice) => void) => void commitListeners.add(listener),

    /** The number of the newest notice; 0 where there is none. */
    latest,

    /** The number of the oldest notice still kept; 0 where there is none. */
    async oldest() {
      const [row] = await db.read.select({ seq: min(notices.seq) }).from(notices)
      return row?.seq ?? 0
    },

    /** Up to 500 notices after `seq` that the viewer may see, in commit order, and how far that reading came. */
    async after(seq: number, viewer: Viewer) {
      const upTo = told
      const teams = db.read.select({ id: members.teamId }).from(members).where(eq(members.userId, viewer.id))
      const watched = db.read.select({ id: watchers.repoId }).from(watchers).where(eq(watchers.userId, viewer.id))
      const own = [eq(notices.userId, viewer.id), inArray(notices.teamId, teams), inArray(notices.repoId, watched)]
      const visible = viewer.seesAll ? undefined : or(...own, eq(notices.teamId, everyone))
      const rows = await db.read
        .select()
        .from(notices)
        .where(and(gt(notices.seq, seq), visible))
        .orderBy(asc(notices.seq))
        .limit(batch)
      const last = rows.at(-1)?.seq ?? seq
      return { notices: rows as Notice[], next: rows.length < batch ? Math.max(last, upTo) : last }
    },

    /** Resolves when there is something after `seq`. */
    async newsAfter(seq: number) {
      if (told <= seq) await news.promise
    },

    /** Of the `limit` oldest notices, removes those older than `before`; gives how many went. They lie in the order of their time. */
    async removeOld(before: Date, limit: number) {
      const first = db.read.select({ seq: notices.seq, at: notices.at }).from(notices).orderBy(asc(notices.seq)).limit(limit)
      const last = (await first).findLast(({ at }) => at < before)
      if (!last) return 0
      const gone = await db.write(({ tx }) =>
        tx.delete(notices).where(lte(notices.seq, last.seq)).returning({ seq: notices.seq })
      )
      return gone.length
    }
  }
}
