import type { Client } from 'aedes'
import type { Log } from '../lib/log.ts'

export type Work = ReturnType<typeof createWork>

/** What the broker has under way: each client's in its order, and all of it to be done before the database closes. */
export function createWork(log: Log) {
  const running = new Set<Promise<unknown>>()
  const last = new WeakMap<Client, Promise<unknown>>()

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

    /** Runs what each client sends one after the other: stored and acknowledged in the order in which it came [MQTT-4.6.0-2]. */
    inOrder<T>(client: Client, work: () => Promise<T>) {
      const run = (last.get(client) ?? Promise.resolve()).then(work)
      last.set(
        client,
        run.catch(() => {})
      )
      return track(run)
    },

    /** Resolves when nothing is under way. */
    async done() {
      while (running.size > 0) await Promise.all(running)
    }
  }
}
