import { createBatches } from '../lib/batches.ts'
import type { Change, Db } from './index.ts'

type Work<T> = (change: Change) => T | Promise<T>
type Job = { work: Work<unknown>; resolve(value: unknown): void; reject(reason: unknown): void }

const atOnce = 500

/** The work of one caller failed, not the commit: it is known that nothing was stored. */
class WorkFailed extends Error {}

export type GroupCommit = ReturnType<typeof createGroupCommit>

/**
 * Commits whatever has gathered in one transaction and answers all its callers after the commit: acknowledged means
 * stored, order of arrival is order of storage, and the cost of each falls as load rises.
 */
export function createGroupCommit(db: Pick<Db, 'write'>) {
  const batches = createBatches<Job>(atOnce, commit)

  async function commit(jobs: Job[]) {
    let done: unknown[]
    try {
      done = await db.write((change) => runAll(jobs, change))
    } catch (reason) {
      await refuse(jobs, reason)
      return
    }
    for (const [i, job] of jobs.entries()) job.resolve(done[i])
  }

  async function refuse(jobs: Job[], reason: unknown) {
    if (reason instanceof WorkFailed && jobs.length > 1) {
      // One has failed all, and nothing is stored: each gets a transaction of its own, and its own answer.
      for (const single of jobs) await commit([single])
      return
    }
    const cause = reason instanceof WorkFailed ? reason.cause : reason
    for (const each of jobs) each.reject(cause)
  }

  async function runAll(jobs: Job[], change: Change) {
    const done: unknown[] = []
    for (const { work } of jobs) {
      try {
        const result = work(change)
        done.push(result instanceof Promise ? await result : result) // each turn less counts
      } catch (cause) {
        throw new WorkFailed('', { cause })
      }
    }
    return done
  }

  return {
    /** Queues work for the next transaction; resolves with its result once that is committed. */
    submit<T>(work: Work<T>): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      batches.add({ work, resolve, reject })
      return promise as Promise<T>
    }
  }
}
