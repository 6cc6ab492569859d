import type { Change, Db } from './index.ts'

type Work<T> = (change: Change) => Promise<T>
type Job = { work: Work<unknown>; settle: { resolve(value: unknown): void; reject(reason: unknown): void } }

const atOnce = 500

/** The work of one caller failed, not the commit: it is known that nothing was stored. */
class WorkFailed extends Error {}

export type GroupCommit = ReturnType<typeof createGroupCommit>

/**
 * Commits whatever has gathered in one transaction and answers all its callers after the commit: acknowledged means
 * stored, order of arrival is order of storage, and the cost of each falls as load rises. `committed` is told the size of
 * each commit.
 */
export function createGroupCommit(db: Db, committed: (size: number) => void = () => {}) {
  const waiting: Job[] = []
  let flushing = false

  async function flush() {
    while (waiting.length > 0) {
      const jobs = waiting.splice(0, atOnce)
      const settled = await commit(jobs)
      for (const [i, { settle }] of jobs.entries()) {
        const outcome = settled[i]
        if (outcome?.status === 'fulfilled') settle.resolve(outcome.value)
        else settle.reject(outcome?.reason)
      }
      if (waiting.length > 0) await new Promise((resolve) => void setImmediate(resolve)) // whoever else waits comes first
    }
    flushing = false
  }

  async function commit(jobs: Job[]): Promise<PromiseSettledResult<unknown>[]> {
    try {
      const done = await db.write((change) => runAll(jobs, change))
      committed(jobs.length)
      return done
    } catch (reason) {
      const cause = reason instanceof WorkFailed ? reason.cause : reason
      if (jobs.length === 1 || !(reason instanceof WorkFailed)) return jobs.map(() => ({ status: 'rejected', reason: cause }))
      // One has failed all, and nothing is stored: each gets a transaction of its own, and its own answer.
      const single: PromiseSettledResult<unknown>[] = []
      for (const job of jobs) single.push(...(await commit([job])))
      return single
    }
  }

  async function runAll(jobs: Job[], change: Change) {
    const done: PromiseSettledResult<unknown>[] = []
    for (const { work } of jobs) {
      try {
        done.push({ status: 'fulfilled', value: await work(change) })
      } catch (cause) {
        throw new WorkFailed('', { cause })
      }
    }
    return done
  }

  return {
    /** How many wait for the next transaction. */
    waiting: () => waiting.length,

    /** Queues work for the next transaction; resolves with its result once that is committed. */
    submit<T>(work: Work<T>): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      waiting.push({ work, settle: { resolve, reject } })
      if (!flushing) {
        flushing = true
        setImmediate(() => void flush())
      }
      return promise as Promise<T>
    }
  }
}
