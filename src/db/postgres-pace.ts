import type { Socket } from 'node:net'
import { databaseAway } from '../lib/failures.ts'

const shortest = 250
const longest = 2000

export type Pace = ReturnType<typeof createPace>

/** How long, in ms, to wait after so many failures in a row. */
export const waitAfter = (failures: number) => Math.min(shortest * 2 ** (failures - 1), longest)

/**
 * How soon a client of PostgreSQL tries another connection where on the last ones nothing was said: by itself it would try a
 * thousand times a second.
 */
export function createPace() {
  const waiting = new Set<() => void>()
  let failures = 0
  let isOver = false

  async function turn() {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, waitAfter(failures))
    waiting.add(resolve)
    await promise
    clearTimeout(timer)
    waiting.delete(resolve)
  }

  /** Nobody waits any longer. */
  function release() {
    failures = 0
    for (const go of waiting) go()
  }

  return {
    /** Makes a connection by `dial`: at once where nothing speaks against it, or else after up to two seconds. Throws where none is wanted by then. */
    async connect(dial: () => Promise<Socket>) {
      if (failures > 0) await turn()
      if (isOver) throw databaseAway()
      const socket = await dial()
      socket.once('close', () => {
        failures = socket.bytesRead === 0 ? failures + 1 : 0
      })
      return socket
    },

    release,

    /** No connection is wanted any more. */
    end() {
      isOver = true
      release()
    }
  }
}
