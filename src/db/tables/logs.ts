import { sql } from 'drizzle-orm'
import type { Columns } from '../columns.ts'
import type { Applications } from './applications.ts'

// SQLite takes no table name in an index.
const ofPrograms = sql`device is null`

/** The log is cut into parts of 16,384 entries each, by their ids. */
export const partBits = 14
const part = sql.raw(`(id >> ${partBits})`)

/** What devices and programs have said, and what has changed. */
export function defineLogs(
  { table, text, long, serial, queueNumber, time, json, index, uniqueIndex }: Columns,
  { applications }: Applications
) {
  /** The log of each application: how long it is, where its chain ends, and from where on it is there. */
  const logChains = table(
    'log_chains',
    {
      id: serial(),
      applicationId: text()
        .notNull()
        .references(() => applications.id, { onDelete: 'cascade' }),
      /** How many entries there are now. */
      total: long().notNull(),
      /** The last entry, and the signature that says so. */
      seq: long().notNull(),
      hash: text().notNull(),
      signature: text().notNull(),
      /** The last entry that retention has taken, and the signature that says so. */
      anchorSeq: long().notNull(),
      anchorHash: text().notNull(),
      anchorSignature: text().notNull()
    },
    (t) => [uniqueIndex('log_chains_application').on(t.applicationId)]
  )

  /**
   * The devices that have reported, by numbers. The device is no reference, as a check of it would lock the device in the
   * midst of everybody's reports.
   */
  const logDevices = table('log_devices', { id: serial(), deviceId: text().notNull() }, (t) => [
    uniqueIndex('log_devices_device').on(t.deviceId)
  ])

  /** When devices, by those numbers, were last heard of: what every report changes, in rows so small that hundreds share a page. */
  const logSeen = table('log_seen', { device: long().primaryKey(), lastSeenAt: time().notNull() })

  /** The same of those who have reported since, a row for many of them, until it is put there. */
  const logSightings = table('log_sightings', { id: queueNumber(), times: text().notNull() })

  /**
   * What devices and programs have said: the largest table, so that it refers by numbers. They are no references, as entries
   * outlive what they refer to: one taken out would break the chain of the others.
   */
  const logEntries = table(
    'log_entries',
    {
      id: serial(),
      /** The log of an application, of `log_chains`; none for a device without one. */
      log: long(),
      /** The device that sent it, of `log_devices`; none for what a program said. */
      device: long(),
      type: text().notNull(),
      payload: text().notNull(),
      at: time().notNull(),
      /** Its place in the chain, from 1, and what holds it there. */
      seq: long(),
      hash: text()
    },
    (t) => [
      // By parts first: entries of many devices would each go into a page of its own else.
      index('log_entries_of_device_in_part').on(part, t.device),
      index('log_entries_of_log').on(t.log, t.id),
      // What programs sent, by type. Lines of devices are all of one type and too many to be kept in order once more.
      index('log_entries_type').on(t.type, t.id).where(ofPrograms),
      index('log_entries_log_type').on(t.log, t.type, t.id).where(ofPrograms)
    ]
  )

  /** What devices have reported, a row a commit, until it has its place in the log. On SQLite a journal stands in for it (journal.ts). */
  const logIntake = table('log_intake', { id: queueNumber(), reports: text().notNull() })

  /** The journal of this database, one row: what its texts are told from those of another by, and the last that has its place. */
  const logJournal = table('log_journal', { id: text().primaryKey(), takenUpTo: long().notNull() })

  /** What has changed, in commit order. Team and repo are no references: the notice of its end outlives it. */
  const notices = table('notices', {
    seq: serial(),
    type: text().notNull(),
    teamId: text(),
    userId: text(),
    repoId: text(),
    data: json().notNull(),
    at: time().notNull()
  })

  return { logChains, logDevices, logSeen, logSightings, logEntries, logIntake, logJournal, notices }
}
