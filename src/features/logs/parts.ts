import { and, asc, desc, eq, gt, gte, inArray, isNull, type SQL, sql } from 'drizzle-orm'
import type { Change, Db, Reader } from '../../db/index.ts'
import { partBits } from '../../db/tables/logs.ts'

const partsAtOnce = 256

/** A line that a device sent, with its place in the log. */
export type LogLine = { id: number; at: Date; line: string }

/** From where on, and how many at most. */
type Wanted = { after: number; since?: Date | undefined; limit: number }

export type Parts = ReturnType<typeof createParts>

/**
 * The log as its index by device has it: in parts of 16,384 entries, so that what many devices say at a time goes into few
 * pages of the index, however many devices there are. What one device has said is looked for in every part, a seek in each.
 */
export function createParts(db: Db) {
  const { logEntries } = db.tables
  const { id, device, at, payload } = logEntries
  const partOf = (entry: number) => Math.floor(entry / 2 ** partBits)
  const part = sql<number>`(${id} >> ${sql.raw(String(partBits))})` // as the index has it

  async function endsOf(reader: Reader, after: number) {
    const entries = reader.select({ id }).from(logEntries).limit(1)
    const [first] = await entries.where(gt(id, after)).orderBy(asc(id))
    const [last] = first ? await reader.select({ id }).from(logEntries).orderBy(desc(id)).limit(1) : []
    return first && last ? { first: partOf(first.id), last: partOf(last.id) } : { first: 0, last: -1 }
  }

  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

  /** Lines of a device in some parts: of one the first, in order; of several all, or more than `limit` of them, whichever. */
  function linesIn(some: number[], which: SQL | undefined, limit: number): PromiseLike<LogLine[]> {
    const query = db.read.select({ id, at, line: payload }).from(logEntries)
    const [one] = some
    if (some.length === 1)
      return query
        .where(and(eq(part, one), which))
        .orderBy(asc(id))
        .limit(limit)
    return query.where(and(inArray(part, some), which)).limit(limit + 1)
  }

  return {
    /** The first lines of a device after an entry (0: from the beginning), oldest first. */
    async linesOf(number: number, { after, since, limit }: Wanted) {
      const which = and(eq(device, number), gt(id, after), since && gte(at, since))
      const lines: LogLine[] = []
      const { first, last } = await endsOf(db.read, after)
      let count = 1
      for (let from = first; from <= last && lines.length < limit; ) {
        const some = numbers(from, Math.min(count, last - from + 1))
        const found = await linesIn(some, which, limit)
        if (some.length > 1 && found.length > limit) {
          count = 1
          continue
        }
        lines.push(...found.toSorted((a, b) => a.id - b.id))
        from += some.length
        count = Math.min(count * 2, partsAtOnce) // where it has said little, the next parts are looked through at once
      }
      return lines.slice(0, limit)
    },

    /** Inside a change: removes the lines of a device that are in no application's log. */
    async removeOfNoLog({ tx }: Change, number: number) {
      const { first, last } = await endsOf(tx, 0)
      for (let from = first; from <= last; from += partsAtOnce) {
        const some = inArray(part, numbers(from, Math.min(partsAtOnce, last - from + 1)))
        const ofNoLog = isNull(sql`+${logEntries.log}`) // the sign: by its index all lines of no log would be read
        await tx.delete(logEntries).where(and(some, eq(device, number), ofNoLog))
      }
    }
  }
}
