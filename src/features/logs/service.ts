import { and, asc, eq, gt, gte, inArray, lt, type SQL } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'

const page = 1000
const rowsAtOnce = 1000 // five values each, far from either database's limit of values in a statement

type NewEntry = { deviceId: string; applicationId: string | null; type: string; payload: string; at: Date }

/** A line that a device sent, with its place in the log. */
export type LogLine = { id: number; at: Date; line: string }

/** From where a log is read: after an entry, or from a time on. */
export type LogStart = { after: number } | { since: Date }

export type Logs = ReturnType<typeof createLogs>

/** What devices and programs have said. */
export function createLogs({ db, clock }: { db: Db; clock: Clock }) {
  const { logEntries } = db.tables
  const from = (start: LogStart): SQL => ('after' in start ? gt(logEntries.id, start.after) : gte(logEntries.at, start.since))

  const appended = new WeakMap<Change, NewEntry[]>()

  async function insertAppended(change: Change) {
    const rows = appended.get(change) ?? []
    for (let at = 0; at < rows.length; at += rowsAtOnce)
      await change.tx.insert(logEntries).values(rows.slice(at, at + rowsAtOnce))
  }

  return {
    /** Inside a change: stores the lines of a device, in order; those of several devices go in one statement. */
    append(change: Change, device: { id: string; applicationId: string | null }, lines: string[]) {
      if (lines.length === 0) return
      const { id: deviceId, applicationId } = device
      const at = clock.now()
      const rows = lines.map((payload) => ({ deviceId, applicationId, type: 'device', payload, at }))
      const pending = appended.get(change)
      if (pending) return void pending.push(...rows)
      appended.set(change, rows)
      change.beforeCommit(logEntries, () => insertAppended(change))
    },

    /** Up to 1000 lines of a device, oldest first, and the entry after which to read on. */
    async ofDevice(deviceId: string, start: LogStart) {
      const lines: LogLine[] = await db.read
        .select({ id: logEntries.id, at: logEntries.at, line: logEntries.payload })
        .from(logEntries)
        .where(and(eq(logEntries.deviceId, deviceId), from(start)))
        .orderBy(asc(logEntries.id))
        .limit(page)
      return { lines, more: lines.length === page }
    },

    /** Removes up to `limit` entries older than `before`; gives how many went. */
    async removeOld(before: Date, limit: number) {
      const old = db.read.select({ id: logEntries.id }).from(logEntries).where(lt(logEntries.at, before)).limit(limit)
      const gone = await db.write(({ tx }) =>
        tx.delete(logEntries).where(inArray(logEntries.id, old)).returning({ id: logEntries.id })
      )
      return gone.length
    }
  }
}
