import type { Columns } from '../columns.ts'
import type { Applications } from './applications.ts'

/** What desktop programs are offered, and what they say of it. */
export function defineReleases(
  { table, text, bool, int, long, time, index, uniqueIndex, primaryKey }: Columns,
  { applications }: Applications
) {
  /** Either `url`, or the digest and size of the bytes that were uploaded. */
  const releases = table(
    'releases',
    {
      id: text().primaryKey(),
      applicationId: text()
        .notNull()
        .references(() => applications.id, { onDelete: 'cascade' }),
      architecture: text().notNull(),
      version: text().notNull(),
      /** Sorts as the version does by precedence: see lib/versions.ts. */
      rank: text().notNull(),
      url: text(),
      sha256: text(),
      size: long(),
      notes: text(),
      disabled: bool().notNull().default(false),
      /** How many clients last said that it runs, and that it does not: kept with each vote. */
      successes: int().notNull().default(0),
      failures: int().notNull().default(0),
      createdAt: time().notNull()
    },
    (t) => [
      uniqueIndex('releases_version').on(t.applicationId, t.architecture, t.rank),
      // The newest that is not withdrawn is one seek away, however many are.
      index('releases_latest').on(t.applicationId, t.architecture, t.disabled, t.rank),
      index('releases_application').on(t.applicationId, t.id),
      index('releases_bytes').on(t.sha256)
    ]
  )

  /** What a client last said of a release. */
  const votes = table(
    'votes',
    {
      releaseId: text()
        .notNull()
        .references(() => releases.id, { onDelete: 'cascade' }),
      clientId: text().notNull(),
      success: bool().notNull(),
      at: time().notNull()
    },
    (t) => [primaryKey({ columns: [t.releaseId, t.clientId] })]
  )

  /** What a client last said that it runs. */
  const clients = table(
    'clients',
    {
      applicationId: text()
        .notNull()
        .references(() => applications.id, { onDelete: 'cascade' }),
      clientId: text().notNull(),
      architecture: text().notNull(),
      version: text().notNull(),
      seenAt: time().notNull()
    },
    (t) => [primaryKey({ columns: [t.applicationId, t.clientId, t.architecture] })]
  )

  return { releases, votes, clients }
}

export type Releases = ReturnType<typeof defineReleases>
