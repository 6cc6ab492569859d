import { type Db, given, type Queue } from './index.ts'
import type { Journal } from './journal.ts'
import { createTableQueue } from './table-queue.ts'

// Of what is left in the table: before the first number of the journal.
const beforeAll = 0

/**
 * Texts that wait in a journal beside a database which one process has to itself. How far they are taken the database knows:
 * that is committed with what is made of them. What an older hub or a backup has left in the table comes first.
 */
export function createJournalQueue(db: Pick<Db, 'tables' | 'prepare' | 'write'>, journal: Journal): Queue {
  const { logJournal } = db.tables
  const left = createTableQueue(db)
  const settledNow = db.prepare((database) => database.select({ settled: logJournal.settled }).from(logJournal))
  const setSettled = db.prepare((database) => database.update(logJournal).set({ settled: given('settled') }))
  let mayBeLeft = true

  return {
    append: journal.append,

    async newest() {
      const isLeft = mayBeLeft && (await left.newest()) !== undefined
      return journal.newest() ?? (isLeft ? beforeAll : undefined)
    },

    async take(change, bytes) {
      const rows = mayBeLeft ? await left.take(change, bytes) : undefined
      if (rows) return { ...rows, last: beforeAll - 1 }
      mayBeLeft = false // nobody puts anything there any more
      const [row] = await settledNow.within(change, {})
      const entries = journal.oldest(row?.settled ?? 0, bytes)
      const last = entries.at(-1)?.number
      if (last === undefined) return undefined
      await setSettled.within(change, { settled: last })
      change.afterCommit(() => journal.forget(last))
      return { texts: entries.map(({ text }) => text), last }
    }
  }
}
