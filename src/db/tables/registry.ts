import type { Columns } from '../columns.ts'
import type { People } from './people.ts'

/** Packages and what was published of them. Who did so is no reference: what is published outlives its maintainers. */
export function defineRegistry(
  { table, text, choice, long, bool, time, index, uniqueIndex, primaryKey }: Columns,
  { users }: People
) {
  const cliKeys = table(
    'cli_keys',
    {
      /** The `jti` of the key. */
      id: text().primaryKey(),
      userId: text()
        .notNull()
        .references(() => users.id, { onDelete: 'cascade' }),
      name: text().notNull(),
      hash: text().notNull(),
      /** As much of the key as its user is shown again. */
      extract: text().notNull(),
      createdAt: time().notNull()
    },
    (t) => [uniqueIndex('cli_keys_name').on(t.userId, t.name)]
  )

  const packages = table(
    'packages',
    {
      id: text().primaryKey(),
      name: text().notNull(),
      /** Who created it. */
      maintainerId: text().notNull(),
      createdAt: time().notNull(),
      /** The recipe that is its latest: kept with each change of what is offered. */
      latestId: text()
    },
    (t) => [uniqueIndex('packages_name').on(t.name)]
  )

  /** What a package is found by: every beginning of every word of its name. Found in the order of names. */
  const packageTerms = table('package_terms', { term: text().notNull(), name: text().notNull() }, (t) => [
    primaryKey({ columns: [t.term, t.name] })
  ])

  const maintainers = table(
    'maintainers',
    {
      packageId: text()
        .notNull()
        .references(() => packages.id, { onDelete: 'cascade' }),
      userId: text()
        .notNull()
        .references(() => users.id, { onDelete: 'cascade' })
    },
    (t) => [primaryKey({ columns: [t.packageId, t.userId] }), index('maintainers_user').on(t.userId)]
  )

  /** The versions of which there is a recipe to be had. */
  const versions = table(
    'versions',
    {
      packageId: text()
        .notNull()
        .references(() => packages.id, { onDelete: 'cascade' }),
      version: text().notNull(),
      /** Sorts as versions do (lib/versions.ts). */
      rank: text().notNull(),
      isRelease: bool().notNull(),
      publishedAt: time().notNull(),
      yankedAt: time()
    },
    (t) => [
      primaryKey({ columns: [t.packageId, t.version] }),
      index('versions_rank').on(t.packageId, t.rank),
      index('versions_latest').on(t.packageId, t.isRelease, t.rank)
    ]
  )

  const recipes = table(
    'recipes',
    {
      id: text().primaryKey(),
      packageId: text()
        .notNull()
        .references(() => packages.id, { onDelete: 'cascade' }),
      version: text().notNull(),
      revision: text().notNull(),
      recipe: text().notNull(),
      maintainerId: text().notNull(),
      createdAt: time().notNull(),
      /** While its archive is awaited a recipe is not offered; after `awaitedUntil` it goes. */
      archive: choice('none', 'awaited', 'stored').notNull(),
      awaitedUntil: time(),
      sha256: text(),
      md5: text(),
      size: long()
    },
    (t) => [
      uniqueIndex('recipes_revision').on(t.packageId, t.version, t.revision),
      index('recipes_bytes').on(t.sha256),
      index('recipes_awaited').on(t.awaitedUntil)
    ]
  )

  return { cliKeys, packages, packageTerms, maintainers, versions, recipes }
}
