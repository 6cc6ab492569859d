import type { Columns } from './columns.ts'

/** Every table, written once for both databases. */
export function defineTables({ table, text, choice, int, serial, time, json, index, uniqueIndex, primaryKey }: Columns) {
  const users = table(
    'users',
    {
      id: text().primaryKey(),
      username: text().notNull(),
      name: text().notNull(),
      email: text().notNull(),
      /** The email in lower case: what it is found and kept unique by. */
      emailKey: text().notNull(),
      passwordHash: text().notNull(),
      role: choice('USER', 'AUDITOR', 'SUPER_ADMIN').notNull(),
      createdAt: time().notNull()
    },
    (t) => [uniqueIndex('users_email').on(t.emailKey)]
  )

  /** A user's own team bears the username and has that user as `userId`; other teams have none. */
  const teams = table(
    'teams',
    {
      id: text().primaryKey(),
      name: text().notNull(),
      nameKey: text().notNull(),
      userId: text().references(() => users.id, { onDelete: 'cascade' }),
      createdAt: time().notNull()
    },
    (t) => [uniqueIndex('teams_name').on(t.nameKey), index('teams_user').on(t.userId)]
  )

  const members = table(
    'members',
    {
      teamId: text()
        .notNull()
        .references(() => teams.id, { onDelete: 'cascade' }),
      userId: text()
        .notNull()
        .references(() => users.id, { onDelete: 'cascade' }),
      role: choice('owner', 'member', 'viewer').notNull()
    },
    (t) => [primaryKey({ columns: [t.teamId, t.userId] }), index('members_user').on(t.userId)]
  )

  const applications = table(
    'applications',
    {
      id: text().primaryKey(),
      teamId: text()
        .notNull()
        .references(() => teams.id, { onDelete: 'cascade' }),
      /** Unique in its team; document 003 calls it `app_name`. */
      slug: text().notNull(),
      name: text().notNull(),
      createdAt: time().notNull()
    },
    (t) => [uniqueIndex('applications_team_slug').on(t.teamId, t.slug), index('applications_slug').on(t.slug)]
  )

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
      lastSeenAt: time(),
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

  const logEntries = table(
    'log_entries',
    {
      id: serial(),
      applicationId: text().references(() => applications.id, { onDelete: 'set null' }),
      deviceId: text().references(() => devices.id, { onDelete: 'cascade' }),
      type: text().notNull(),
      payload: text().notNull(),
      at: time().notNull()
    },
    (t) => [index('log_entries_device').on(t.deviceId, t.id), index('log_entries_application').on(t.applicationId, t.id)]
  )

  /** What has changed, in commit order. The team is no reference: the notice of its end outlives it. */
  const notices = table('notices', {
    seq: serial(),
    type: text().notNull(),
    teamId: text(),
    userId: text(),
    data: json().notNull(),
    at: time().notNull()
  })

  return { users, teams, members, applications, devices, deployments, logEntries, notices }
}

export type Tables = ReturnType<typeof defineTables>
