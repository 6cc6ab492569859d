import type { Columns } from '../columns.ts'
import type { People } from './people.ts'

/** What is watched at GitHub, and by whom. */
export function defineWatch(
  { table, text, choice, int, long, bool, time, index, uniqueIndex, primaryKey }: Columns,
  { users }: People
) {
  /** A repo that somebody watches, one row however many do; its latest release as GitHub last told it. */
  const repos = table(
    'repos',
    {
      id: text().primaryKey(),
      ownerName: text().notNull(),
      name: text().notNull(),
      /** `owner/name` in lower case: what it is found and kept unique by. */
      key: text().notNull(),
      /** Where GitHub says that it has moved for good: `/repositories/<number>`. */
      movedTo: text(),
      /** Whether it has been seen without the token of one of its watchers. */
      isPublic: bool().notNull(),
      latestVersion: text().notNull(),
      etag: text(),
      createdAt: time().notNull(),
      /** When the question was asked whose answer stands here. */
      checkedAt: time().notNull(),
      nextCheckAt: time().notNull(),
      /** How often in a row it could not be asked, and why not the last time. */
      failures: int().notNull().default(0),
      failure: choice('missing', 'refused', 'token', 'unreachable', 'nonsense')
    },
    (t) => [uniqueIndex('repos_key').on(t.key), index('repos_due').on(t.isPublic, t.nextCheckAt)]
  )

  /** Who watches what, in the order in which it was added. */
  const watchers = table(
    'watchers',
    {
      userId: text()
        .notNull()
        .references(() => users.id, { onDelete: 'cascade' }),
      repoId: text()
        .notNull()
        .references(() => repos.id, { onDelete: 'cascade' }),
      /** The release that this watcher is up to date with. */
      currentVersion: text().notNull(),
      addedAt: time().notNull()
    },
    (t) => [primaryKey({ columns: [t.userId, t.repoId] }), index('watchers_repo').on(t.repoId)]
  )

  /** The assets of each repo's latest release, in GitHub's order. */
  const releaseAssets = table(
    'release_assets',
    {
      id: text().primaryKey(),
      repoId: text()
        .notNull()
        .references(() => repos.id, { onDelete: 'cascade' }),
      /** GitHub's own number for it. */
      githubId: long().notNull(),
      place: int().notNull(),
      name: text().notNull(),
      url: text().notNull(),
      size: long().notNull(),
      /** SHA-256 as GitHub gives it, where it does. */
      digest: text(),
      /** SHA-256 of its bytes, once they are in the store. */
      sha256: text()
    },
    (t) => [uniqueIndex('release_assets_github').on(t.repoId, t.githubId), index('release_assets_bytes').on(t.sha256)]
  )

  return { repos, watchers, releaseAssets }
}

export type Watch = ReturnType<typeof defineWatch>
