import { and, asc, eq } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { missing } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { RateLimits } from '../accounts/limits.ts'
import type { Blobs } from '../blobs/service.ts'
import type { RepoName } from '../github/release.ts'
import type { Github } from '../github/service.ts'
import type { Metrics } from '../metrics/service.ts'
import type { Notices } from '../notices/service.ts'
import { createAdding } from './adding.ts'
import { createReleaseAssets } from './assets.ts'
import { createChecks } from './checks.ts'
import { reasonOf } from './failures.ts'
import { createLatest } from './latest.ts'
import { createPoller } from './poller.ts'
import { createWatchLists, type Repo, type WatchedRepo } from './watch-lists.ts'

const notWatched = 'Repository not found in the watch list'

/** A repo that could not be checked, and why not. */
export type Unchecked = RepoName & { reason: string }

type Needs = {
  db: Db
  clock: Clock
  log: Log
  notices: Notices
  limits: RateLimits
  github: Github
  blobs: Blobs
  metrics: Metrics
  /** How often each repo is polled, in ms. */
  interval: number
  /** The largest asset that is fetched, in bytes. */
  assetLimit: number
}

export type Repos = ReturnType<typeof createRepos>

/** What users watch at GitHub. A `token` is the caller's own for GitHub: it is used for that call and kept nowhere. */
export function createRepos({ db, clock, log, notices, limits, github, blobs, metrics, interval, assetLimit }: Needs) {
  const { repos, watchers } = db.tables
  const lists = createWatchLists(db)
  const latest = createLatest({ db, notices })
  const checks = createChecks({ db, clock, log, github, latest, interval })
  const adding = createAdding({ db, clock, notices, limits, github, latest, checks })
  const assets = createReleaseAssets({ db, clock, github, blobs, metrics, limit: assetLimit })
  const poller = createPoller({ db, clock, log, checks, lists, interval })

  return {
    add: adding.add,
    asset: assets.asset,
    poller,

    /** What else is done with every new release, and every change of its assets, in the same transaction. */
    onRelease: latest.onRelease,

    /** A user's watch list, in the order in which it was made. */
    list: (userId: string): Promise<WatchedRepo[]> => lists.ofUser(db.read, userId),

    /** The names of the repos on a user's watch list. */
    names: (userId: string): Promise<RepoName[]> =>
      db.read
        .select({ ownerName: repos.ownerName, name: repos.name })
        .from(watchers)
        .innerJoin(repos, eq(repos.id, watchers.repoId))
        .where(eq(watchers.userId, userId)),

    /** A repo on a user's watch list. Throws `missing`. */
    async ofWatcher(userId: string, repoId: string): Promise<WatchedRepo> {
      const [repo] = await lists.ofUser(db.read, userId, repoId)
      if (!repo) throw missing(notWatched)
      return repo
    },

    /** A repo, for those who may know of it already; undefined where nobody watches it any more. */
    byId: (repoId: string): Promise<Repo | undefined> => lists.one(db.read, repoId),

    /** The ids of the users who watch a repo. */
    async watchersOf(repoId: string) {
      const rows = await db.read.select({ userId: watchers.userId }).from(watchers).where(eq(watchers.repoId, repoId))
      return rows.map(({ userId }) => userId)
    },

    /** Asks GitHub about every repo on a user's watch list; gives those of which there was no answer. */
    async check(userId: string, token?: string): Promise<Unchecked[]> {
      const rows = await db.read
        .select({ repo: repos })
        .from(watchers)
        .innerJoin(repos, eq(repos.id, watchers.repoId))
        .where(eq(watchers.userId, userId))
        .orderBy(asc(watchers.addedAt), asc(repos.id))
      if (token === undefined && rows.length > 0) await limits.githubRequests(userId, rows.length)
      const all = rows.map(({ repo }) => repo)
      const outcomes = await checks.checkAll(all, token)
      return all.flatMap((repo) => {
        const outcome = outcomes.get(repo)
        const { name, ownerName } = repo
        return !outcome || outcome.kind === 'known' ? [] : [{ name, ownerName, reason: reasonOf(outcome) }]
      })
    },

    /** Inside a change: a watcher is up to date with a release. */
    setCurrentVersion: ({ tx }: Change, { userId, repoId, version }: { userId: string; repoId: string; version: string }) =>
      tx
        .update(watchers)
        .set({ currentVersion: version })
        .where(and(eq(watchers.userId, userId), eq(watchers.repoId, repoId))),

    /** Takes a repo off a user's watch list, and gives it as it was. It is gone with its last watcher. Throws `missing`. */
    remove: (userId: string, repoId: string) =>
      db.write(async (change) => {
        await change.lockOrder() // somebody else may be adding it
        const [repo] = await lists.ofUser(change.tx, userId, repoId)
        if (!repo) throw missing(notWatched)
        await change.tx.delete(watchers).where(and(eq(watchers.userId, userId), eq(watchers.repoId, repoId)))
        await lists.removeUnwatched(change, [repoId])
        const data = { repo: `${repo.ownerName}/${repo.name}`, repo_id: repoId }
        await notices.record(change, { type: 'repo.removed', userId, data })
        return repo
      }),

    /** Inside a change: takes everything off a user's watch list. */
    async leaveAll(change: Change, userId: string) {
      await change.lockOrder()
      const left = await change.tx.delete(watchers).where(eq(watchers.userId, userId)).returning({ id: watchers.repoId })
      const ids = left.map(({ id }) => id)
      await lists.removeUnwatched(change, ids)
    },

    /** Ends polling, and resolves when GitHub is not being asked any more. */
    async stop() {
      await poller.stop()
      await Promise.all([checks.idle(), adding.idle(), assets.idle()])
    }
  }
}
