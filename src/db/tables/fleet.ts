import type { Columns } from '../columns.ts'
import type { Applications } from './applications.ts'
import type { People } from './people.ts'

/** Devices, and what they are to run. */
export function defineFleet(
  { table, text, choice, int, serial, time, index, uniqueIndex }: Columns,
  { teams, applications }: People & Applications
) {
  const devices = table(
    'devices',
    {
      id: text().primaryKey(),
      teamId: text()
        .notNull()
        .references(() => teams.id, { onDelete: 'cascade' }),
      applicationId: text().references(() => applications.id, { onDelete: 'set null' }),
      name: text().notNull(),
      board: text().notNull(),
      tag: text(),
      secretHash: text().notNull(),
      status: choice('new', 'ready', 'running').notNull(),
      createdAt: time().notNull(),
      /** The deployment that the device says it runs. */
      runningId: int(),
      /** How many relaunches were asked for, and up to which of them the device has been told. */
      relaunchSeq: int().notNull(),
      relaunchToldSeq: int().notNull()
    },
    (t) => [
      uniqueIndex('devices_team_name').on(t.teamId, t.name),
      uniqueIndex('devices_secret').on(t.secretHash),
      index('devices_application').on(t.applicationId, t.board)
    ]
  )

  const deployments = table(
    'deployments',
    {
      id: serial(),
      applicationId: text()
        .notNull()
        .references(() => applications.id, { onDelete: 'cascade' }),
      board: text().notNull(),
      tag: text(),
      groupId: text().notNull(),
      sha256: text().notNull(),
      md5: text().notNull(),
      size: int().notNull(),
      createdAt: time().notNull()
    },
    // In the order in which a device's deployment is chosen: one seek to the newest of a tag, and one to the newest of no tag.
    (t) => [index('deployments_choice').on(t.applicationId, t.board, t.tag, t.id), index('deployments_bytes').on(t.sha256)]
  )

  return { devices, deployments }
}

export type Fleet = ReturnType<typeof defineFleet>
