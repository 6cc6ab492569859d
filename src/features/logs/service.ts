import { and, asc, eq, gt, gte, lte, type SQL } from 'drizzle-orm'
import { type Change, type Db, given } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'

const page = 1000

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

  const insertOne = db.prepare((database) =>
    database.insert(logEntries).values({
      deviceId: given('deviceId'),
      applicationId: given('applicationId'),
      type: given('type'),
      payload: given('payload'),
      at: given('at')
    })
  )

  /** Prepared and sent one behind the other: building one statement of many rows costs more than running many. */
  async function insertAppended(change: Change) {
    await Promise.all((appended.get(change) ?? []).map((row) => insertOne.within(change, row)))
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

    /** Of the `limit` oldest entries, removes those older than `before`; gives how many went. They lie in the order of their time. */
    async removeOld(before: Date, limit: number) {
      const first = db.read
        .select({ id: logEntries.id, at: logEntries.at })
        .from(logEntries)
        .orderBy(asc(logEntries.id))
        .limit(limit)
      const last = (await first).findLast(({ at }) => at < before)
      if (!last) return 0
      const gone = await db.write(({ tx }) =>
        tx.delete(logEntries).where(lte(logEntries.id, last.id)).returning({ id: logEntries.id })
      )
      return gone.length
    }
  }
}
