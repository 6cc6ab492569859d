import type { Columns } from '../columns.ts'
import type { People } from './people.ts'

/** What is deployed, published and logged. */
export function defineApplications({ table, text, bool, time, index, uniqueIndex }: Columns, { teams }: People) {
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
      description: text(),
      domain: text(),
      stack: text(),
      isActive: bool().notNull().default(true),
      /** SHA-256 of its API key, once one has been made. */
      apiKeyHash: text(),
      createdAt: time().notNull(),
      /** When an administrator last changed it. */
      updatedAt: time()
    },
    (t) => [
      uniqueIndex('applications_team_slug').on(t.teamId, t.slug),
      index('applications_slug').on(t.slug),
      uniqueIndex('applications_api_key').on(t.apiKeyHash)
    ]
  )

  return { applications }
}

export type Applications = ReturnType<typeof defineApplications>
