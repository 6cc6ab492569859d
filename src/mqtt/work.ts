import { setTimeout as after } from 'node:timers/promises'
import { asUnavailable } from '../lib/failures.ts'
import type { Log } from '../lib/log.ts'

export type Work = ReturnType<typeof createWork>

/** What the broker has under way, all of it to be done before the database closes. */
export function createWork(log: Log) {
  const running = new Set<Promise<unknown>>()

  function track<T>(work: Promise<T>) {
    const ended = work.then(
      () => void running.delete(ended),
      () => void running.delete(ended)
    )
    running.add(ended)
    return work
  }

  return {
    /** Sees to it that something is done; what goes wrong with it is logged. */
    run(what: string, work: Promise<unknown>) {
      const note = (error: unknown) => log[asUnavailable(error) ? 'debug' : 'error']({ err: error }, `${what}: this failed`)
      void track(work.catch(note))
    },

    /** Resolves when nothing is under way. */
    async done() {
      while (running.size > 0) await Promise.all(running)
    }
  }
}

const rest = 500

/** Tries again for as long as the database does not answer: what follows waits, and nothing is left out. */
export async function untilItAnswers(work: () => Promise<unknown>, isStopping: () => boolean) {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!asUnavailable(error) || isStopping()) throw error
      await after(rest)
    }
  }
}
