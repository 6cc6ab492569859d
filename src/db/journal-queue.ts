import { type Db, given, type Queue, type Taken } from './index.ts'
import type { Journal } from './journal.ts'
import { createTableQueue } from './table-queue.ts'

// Of what is left in the table: before the first number of the journal.
const beforeAll = 0

type Rows = Pick<Db, 'tables' | 'prepare' | 'write'>

/** Inside a change: notes the number (`last`) of the last text that was taken from the journal. */
export const noteTaken = ({ tables, prepare }: Pick<Db, 'tables' | 'prepare'>) =>
  prepare((database) => database.update(tables.logJournal).set({ takenUpTo: given('last') }))

/**
 * Texts that wait in a journal beside a database which one process has to itself. How far they are taken the database knows:
 * that is committed with what is made of them. What an older hub or a backup has left in the table comes first.
 */
export function createJournalQueue(db: Rows, journal: Journal) {
  const { logJournal } = db.tables
  const left = createTableQueue(db)
  const takenUpTo = db.prepare((database) => database.select({ last: logJournal.takenUpTo }).from(logJournal))
  const noting = noteTaken(db)
  let mayBeLeft = true

  function oldest([row]: { last: number }[], bytes: number): Taken | undefined {
    const entries = journal.oldest(row?.last ?? 0, bytes)
    const last = entries.at(-1)?.number
    return last === undefined ? undefined : { texts: entries.map(({ text }) => text), last }
  }

  const queue: Queue = {
    append: journal.append,

    async newest() {
      const isLeft = mayBeLeft && (await left.newest()) !== undefined
      return journal.newest() ?? (isLeft ? beforeAll : undefined)
    },

    async take(change, bytes) {
      const rows = mayBeLeft ? await left.take(change, bytes) : undefined
      if (rows) return { ...rows, last: beforeAll - 1 }
      mayBeLeft = false // nobody puts anything there any more
      const taken = oldest(await takenUpTo.within(change, {}), bytes)
      if (!taken) return undefined
      await noting.within(change, { last: taken.last })
      change.afterCommit(() => journal.forget(taken.last))
      return taken
    }
  }

  /** Gives `work` the oldest texts; it has them taken by another thread, and nobody else writes meanwhile. */
  async function takeApart<T>(bytes: number, work: (taken: Taken) => Promise<T>) {
    const taken = oldest(await takenUpTo.read({}), bytes)
    if (!taken) return undefined
    const result = await work(taken)
    journal.forget(taken.last)
    return { last: taken.last, result }
  }

  return { queue, takeApart }
}
