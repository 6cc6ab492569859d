import type { Database } from 'bun:sqlite'
import type { Driver, Writer } from './index.ts'
import type { WalSync } from './wal.ts'

/** Work that must not overlap with any other of the same turns. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T>

/** Has work done one after the other, in the order in which it is asked for. */
export function createTurns(): Turn {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const run = last.then(work)
    last = run.catch(() => {})
    return run
  }
}

type Handle = { tx: Writer; wal: WalSync; turn: Turn }

/**
 * Drizzle's own `transaction` commits before an async callback ends, so the transaction is spelled out and queued here. It
 * is done once it is on the disk: what was acknowledged survives a power cut. The next begins without waiting for that.
 */
export function serialTransaction(database: Database, { tx, wal, turn }: Handle): Driver['transaction'] {
  // One writer: numbers follow commits by themselves. A hub sees for itself that another process has changed something.
  const shared = { lockOrder: async () => {}, wakeOthers: async () => {} }
  const [begin, commit] = [database.query('BEGIN IMMEDIATE'), database.query('COMMIT')]
  return async (work) => {
    const result = await turn(async () => {
      wal.refuseIfFailed()
      begin.run()
      try {
        const result = await work(tx, shared)
        commit.run()
        return result
      } catch (error) {
        if (database.inTransaction) database.run('ROLLBACK')
        throw error
      }
    })
    await wal.synced()
    return result
  }
}
