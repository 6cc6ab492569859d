import { asc, inArray, max } from 'drizzle-orm'
import { type Change, type Db, given } from '../../db/index.ts'

/** How many times, or rows of them, this hub notes before they are put into their place. */
const enough = { times: 8000, rows: 16 }

const rowsAtOnce = 16
const timesAtOnce = 2000

/** As a row has them: devices by their numbers, and when each was heard of, in ms. */
type Noted = [devices: number[], times: number[]]

export type Sightings = ReturnType<typeof createSightings>

/**
 * When devices were last heard of. Many are noted in one row first, and many rows are put into their place together: the
 * devices of one row lie all over the table, so that each would cost a page of it, the more the larger the fleet is.
 */
export function createSightings({ db }: { db: Db }) {
  const { logSeen, logSightings } = db.tables
  const { id } = logSightings
  let since = { times: 0, rows: 0 }

  const insert = db.prepare((database) => database.insert(logSightings).values({ times: given('times') }))
  const newest = db.prepare((database) => database.select({ id: max(id) }).from(logSightings))
  const oldest = db.prepare((database) => database.select().from(logSightings).orderBy(asc(id)).limit(rowsAtOnce))

  /** Puts the oldest rows into their place; gives the last of them, 0 where there was none. */
  function placeSome() {
    return db.write(async (change) => {
      await change.lockOrder() // of two hubs, one would put older times over the other's
      const rows = await oldest.within(change, {})
      await place(change, latestOf(rows))
      const placed = rows.map((row) => row.id)
      if (placed.length > 0) await change.tx.delete(logSightings).where(inArray(id, placed))
      return placed.at(-1) ?? 0
    })
  }

  async function place(change: Change, latest: Map<number, number>) {
    const rows = [...latest].map(([device, at]) => ({ device, lastSeenAt: new Date(at) }))
    const inOrder = rows.toSorted((a, b) => a.device - b.device) // in which they lie: neighbours are written at once
    for (let from = 0; from < inOrder.length; from += timesAtOnce) {
      if (from > 0) await new Promise((resolve) => void setImmediate(resolve)) // who only reads need not wait
      await db.insertMany(change, logSeen, inOrder.slice(from, from + timesAtOnce), { replacing: logSeen.device })
    }
  }

  async function settle() {
    const [row] = await newest.read({})
    const upTo = row?.id ?? 0
    let last = 0
    if (upTo > 0) {
      do last = await placeSome()
      while (last !== 0 && last < upTo)
    }
    since = { times: 0, rows: 0 }
  }

  return {
    /** Inside a change, which holds the order: notes when devices, by their numbers, were heard of. */
    async note(change: Change, times: Map<number, number>) {
      const noted: Noted = [[...times.keys()], [...times.values()]]
      await insert.within(change, { times: JSON.stringify(noted) })
      change.afterCommit(() => {
        since.times += times.size
        since.rows += 1
      })
    },

    /** Resolves once so much has been noted that it is worth to put it into its place, and it is there; at once before. */
    async settleMany() {
      if (since.times >= enough.times || since.rows >= enough.rows) await settle()
    },

    /** Resolves once all that was noted until now is in its place. */
    settle
  }
}

/** Later rows hold later times. */
function latestOf(rows: { times: string }[]) {
  const latest = new Map<number, number>()
  for (const row of rows) {
    const [devices, times] = JSON.parse(row.times) as Noted
    for (let i = 0; i < devices.length; i++) latest.set(devices[i] ?? 0, times[i] ?? 0)
  }
  return latest
}
