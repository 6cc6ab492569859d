import { close, fdatasync, openSync } from 'node:fs'
import { promisify } from 'node:util'

const sync = promisify(fdatasync)

export type WalSync = ReturnType<typeof createWalSync>

/** For a file without such a log: each commit is on the disk when it is done. */
export const noWal: WalSync = { refuseIfFailed() {}, synced: async () => {}, close: async () => {} }

/**
 * Brings what was written to SQLite's log at `path` onto the disk, as `synchronous = FULL` would inside each commit; but
 * meanwhile the process goes on, and those who ask while the disk is at it share the next turn.
 */
export function createWalSync(path: string) {
  const file = openSync(path, 'r')
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined
  let failure: unknown

  async function turn(before: Promise<void> | undefined) {
    await before?.catch(() => {})
    running = queued
    queued = undefined
    try {
      await sync(file)
    } catch (error) {
      failure ??= error
    }
    refuseIfFailed()
  }

  /** The system may have dropped what it could not write, and the next turn would say that all is well. */
  function refuseIfFailed() {
    if (failure !== undefined) throw new Error('The disk has failed to take what was written', { cause: failure })
  }

  return {
    /** Throws when the disk has failed once: nothing more can be promised until the next start, which reads what there is. */
    refuseIfFailed,

    /** Resolves once all that was written until now is on the disk. */
    synced(): Promise<void> {
      queued ??= turn(running)
      return queued
    },

    /** Lets the file go once nobody waits. */
    async close() {
      await (queued ?? running)?.catch(() => {})
      close(file)
    }
  }
}
