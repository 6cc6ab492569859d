import { and, asc, eq, inArray, notExists } from 'drizzle-orm'
import type { Change, Db, Reader } from '../../db/index.ts'

/** An asset of a repo's latest release. */
export type Asset = { id: string; name: string; url: string; size: number }

/** A repo with its latest release. */
export type Repo = { id: string; ownerName: string; name: string; latestVersion: string; assets: Asset[] }

/** A repo as one of its watchers sees it. `currentVersion`: the release that this watcher is up to date with. */
export type WatchedRepo = Repo & { currentVersion: string }

type Joined<Row> = Row & { id: string; asset: Asset | null }

/** Reads repos with their latest releases, each in one statement: the assets are of the version beside them. */
export function createWatchLists({ tables: { repos, watchers, releaseAssets } }: Pick<Db, 'tables'>) {
  const asset = { id: releaseAssets.id, name: releaseAssets.name, url: releaseAssets.url, size: releaseAssets.size }
  const columns = {
    id: repos.id,
    ownerName: repos.ownerName,
    name: repos.name,
    latestVersion: repos.latestVersion,
    asset
  }
  const ofRepo = eq(releaseAssets.repoId, repos.id)

  return {
    /** A user's watch list in the order in which it was made, or one repo of it. */
    async ofUser(reader: Reader, userId: string, repoId?: string): Promise<WatchedRepo[]> {
      const rows = await reader
        .select({ ...columns, currentVersion: watchers.currentVersion })
        .from(watchers)
        .innerJoin(repos, eq(repos.id, watchers.repoId))
        .leftJoin(releaseAssets, ofRepo)
        .where(and(eq(watchers.userId, userId), repoId === undefined ? undefined : eq(watchers.repoId, repoId)))
        .orderBy(asc(watchers.addedAt), asc(repos.id), asc(releaseAssets.place))
      return gathered(rows)
    },

    /** A repo, whoever watches it; undefined where nobody does. */
    async one(reader: Reader, repoId: string): Promise<Repo | undefined> {
      const rows = await reader
        .select(columns)
        .from(repos)
        .leftJoin(releaseAssets, ofRepo)
        .where(eq(repos.id, repoId))
        .orderBy(asc(releaseAssets.place))
      return gathered(rows)[0]
    },

    /** Inside a change: takes away those of these repos that nobody watches; gives their ids. */
    async removeUnwatched({ tx, lockOrder }: Change, ids: string[]) {
      if (ids.length === 0) return []
      await lockOrder() // somebody may be coming to watch one
      const nobody = notExists(tx.select().from(watchers).where(eq(watchers.repoId, repos.id)))
      const gone = await tx
        .delete(repos)
        .where(and(inArray(repos.id, ids), nobody))
        .returning({ id: repos.id })
      return gone.map(({ id }) => id)
    }
  }
}

/** Rows of a repo and one of its assets each, as repos with all of theirs. */
function gathered<Row extends object>(rows: Joined<Row>[]) {
  const found = new Map<string, Omit<Joined<Row>, 'asset'> & { assets: Asset[] }>()
  for (const { asset, ...row } of rows) {
    const repo = found.get(row.id) ?? { ...row, assets: [] }
    found.set(row.id, repo)
    if (asset) repo.assets.push(asset)
  }
  return [...found.values()]
}

export type WatchLists = ReturnType<typeof createWatchLists>
