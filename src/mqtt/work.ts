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
      void track(work.catch((error: unknown) => log.error({ err: error }, `${what}: this failed`)))
    },

    /** Resolves when nothing is under way. */
    async done() {
      while (running.size > 0) await Promise.all(running)
    }
  }
}
