import type { Columns } from '../columns.ts'
import type { Applications } from './applications.ts'

/** Firmware that is made from source. */
export function defineBuilds({ table, text, choice, int, serial, long, time, index }: Columns, { applications }: Applications) {
  const builds = table(
    'builds',
    {
      id: serial(),
      applicationId: text()
        .notNull()
        .references(() => applications.id, { onDelete: 'cascade' }),
      board: text().notNull(),
      tag: text(),
      /** What the deployments that come of it have in common. */
      groupId: text().notNull(),
      status: choice('queued', 'building', 'success', 'failure').notNull(),
      /** The hub that it is made at, where there are several over one database. */
      node: text().notNull(),
      sourceSha256: text().notNull(),
      sourceSize: int().notNull(),
      /** Where the container's output begins in the log; null until it was started. */
      logStart: long(),
      /** The log, once it is complete. */
      logSha256: text(),
      logSize: long(),
      failure: text(),
      createdAt: time().notNull(),
      endedAt: time()
    },
    (t) => [
      index('builds_application').on(t.applicationId, t.id),
      index('builds_status').on(t.status),
      index('builds_source').on(t.sourceSha256),
      index('builds_log').on(t.logSha256)
    ]
  )

  return { builds }
}

export type Builds = ReturnType<typeof defineBuilds>
