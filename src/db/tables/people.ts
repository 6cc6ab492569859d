import type { Columns } from '../columns.ts'

/** Who there is: users, teams and who belongs to which. */
export function definePeople({ table, text, choice, time, index, uniqueIndex, primaryKey }: Columns) {
  const users = table(
    'users',
    {
      id: text().primaryKey(),
      username: text().notNull(),
      name: text().notNull(),
      email: text().notNull(),
      /** The email in lower case: what it is found and kept unique by. */
      emailKey: text().notNull(),
      /** Empty for who signs in with GitHub only: no password matches it. */
      passwordHash: text().notNull(),
      role: choice('USER', 'AUDITOR', 'SUPER_ADMIN').notNull(),
      createdAt: time().notNull(),
      /** The number that GitHub knows the user by, once they have signed in with it. */
      githubId: text(),
      avatarUrl: text()
    },
    (t) => [uniqueIndex('users_email').on(t.emailKey), uniqueIndex('users_github').on(t.githubId)]
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

  return { users, teams, members }
}

export type People = ReturnType<typeof definePeople>
