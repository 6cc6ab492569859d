import { sql } from 'drizzle-orm'
import type { Columns } from '../columns.ts'
import type { Applications } from './applications.ts'

// SQLite takes no table name in a partial index.
const ofPrograms = sql`device_id is null`

/** What devices and programs have said, and what has changed. */
export function defineLogs({ table, text, long, serial, time, json, index }: Columns, { applications }: Applications) {
  /**
   * What devices and programs have said. Neither the application nor the device is a reference: entries outlive both,
   * as one taken out would break the chain of the others, and a check of each would cost every heartbeat two look-ups.
   */
  const logEntries = table(
    'log_entries',
    {
      id: serial(),
      applicationId: text(),
      deviceId: text(),
      type: text().notNull(),
      payload: text().notNull(),
      at: time().notNull(),
      /** Its place in the chain of its application, from 1, and what it is held by there. */
      seq: long(),
      hash: text()
    },
    (t) => [
      index('log_entries_device').on(t.deviceId, t.id),
      index('log_entries_application').on(t.applicationId, t.id),
      // What programs sent, by type. Lines of devices are all of one type and too many to be kept in order once more.
      index('log_entries_type').on(t.type, t.id).where(ofPrograms),
      index('log_entries_application_type').on(t.applicationId, t.type, t.id).where(ofPrograms)
    ]
  )

  /** The log of each application: how long it is, where its chain ends, and from where on it is there. */
  const logChains = table('log_chains', {
    applicationId: text()
      .primaryKey()
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
  })

  /** What devices have reported, a row a commit, until it has its place in the log. */
  const logIntake = table('log_intake', { id: serial(), reports: text().notNull() })

  /** What has changed, in commit order. The team is no reference: the notice of its end outlives it. */
  const notices = table('notices', {
    seq: serial(),
    type: text().notNull(),
    teamId: text(),
    userId: text(),
    data: json().notNull(),
    at: time().notNull()
  })

  return { logEntries, logChains, logIntake, notices }
}
