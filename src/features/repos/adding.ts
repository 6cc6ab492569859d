import { and, count, eq } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, invalid } from '../../lib/errors.ts'
import { createFlights } from '../../lib/flights.ts'
import { hashSecret, newHexId } from '../../lib/secrets.ts'
import type { RateLimits } from '../accounts/limits.ts'
import type { RepoName } from '../github/release.ts'
import type { Answer, Github } from '../github/service.ts'
import type { Notices } from '../notices/service.ts'
import type { Checks } from './checks.ts'
import { errorOf } from './failures.ts'
import type { Latest, RepoRow, Told } from './latest.ts'

const watchedAtMost = 500
const unknownFor = 60_000
const unknownAtMost = 10_000

type Needs = {
  db: Db
  clock: Clock
  notices: Notices
  limits: RateLimits
  github: Github
  latest: Latest
  checks: Checks
}

export type Adding = ReturnType<typeof createAdding>

/** How a repo comes on a watch list: GitHub is asked unless the hub knows already what anybody may know of it. */
export function createAdding({ db, clock, notices, limits, github, latest, checks }: Needs) {
  const { repos, watchers } = db.tables
  const looks = createFlights<Answer>()
  const unknown = new LRUCache<string, number>({ max: unknownAtMost })
  const inTime = () => clock.now().getTime()

  /** A first look at a repo: one at a time for all who may see the same, and none for a while where there was nothing. */
  async function look(asked: RepoName, token: string | undefined): Promise<Answer> {
    const key = token === undefined ? keyOf(asked) : `${keyOf(asked)} ${hashSecret(token)}`
    if ((unknown.get(key) ?? 0) > inTime()) return { kind: 'missing' }
    const answer = await looks.join(key, () => github.latestRelease({ ...asked, movedTo: null }, { token }))
    if (answer.kind === 'missing') unknown.set(key, inTime() + unknownFor)
    return answer
  }

  async function known(key: string, userId: string) {
    const [row] = await db.read
      .select({ repo: repos, watcher: watchers.userId })
      .from(repos)
      .leftJoin(watchers, and(eq(watchers.repoId, repos.id), eq(watchers.userId, userId)))
      .where(eq(repos.key, key))
    if (row?.watcher) throw conflict('Repo already exists')
    return row?.repo
  }

  /** Inside a change: the row of a repo as GitHub has just told it, made if it is new. */
  async function rowOf(change: Change, { release: { assets, version, ...name }, etag, movedTo }: Told, isPublic: boolean) {
    const key = keyOf(name)
    const now = clock.now()
    const times = { createdAt: now, checkedAt: now, nextCheckAt: checks.nextCheck(now) }
    const row = { id: newHexId(), ...name, key, movedTo, isPublic, latestVersion: version, etag, ...times }
    const [created] = await change.tx.insert(repos).values(row).onConflictDoNothing().returning()
    if (created) await latest.replaceAssets(change, created.id, assets)
    else if (isPublic) await change.tx.update(repos).set({ isPublic }).where(eq(repos.key, key))
    return created ?? (await change.tx.select().from(repos).where(eq(repos.key, key)))[0]
  }

  /** Puts the repo that `find` gives on a watch list; undefined where it gives none any more. */
  const watch = (userId: string, find: (change: Change) => Promise<RepoRow | undefined>) =>
    db.write(async (change) => {
      await change.lockOrder() // its last watcher may be leaving, and the row with it
      const repo = await find(change)
      if (!repo) return undefined
      const { id: repoId, latestVersion: version, ownerName, name } = repo
      const [held] = await change.tx.select({ repos: count() }).from(watchers).where(eq(watchers.userId, userId))
      if ((held?.repos ?? 0) >= watchedAtMost) throw invalid(`A watch list has at most ${watchedAtMost} repos`)
      const [added] = await change.tx
        .insert(watchers)
        .values({ userId, repoId, currentVersion: version, addedAt: clock.now() })
        .onConflictDoNothing()
        .returning({ id: watchers.repoId })
      if (!added) throw conflict('Repo already exists')
      const data = { repo: `${ownerName}/${name}`, repo_id: repoId, version }
      await notices.record(change, { type: 'repo.added', userId, data })
      return repoId
    })

  const payFor = async (userId: string, token: string | undefined) =>
    token === undefined ? limits.githubRequests(userId, 1) : undefined

  async function addKnown(userId: string, repo: RepoRow, token: string | undefined) {
    if (!repo.isPublic || repo.failure !== null) {
      await payFor(userId, token)
      const outcome = await checks.check(repo, token)
      if (outcome.kind !== 'known') throw errorOf(outcome, { token, now: clock.now() })
    }
    return watch(userId, async ({ tx }) => (await tx.select().from(repos).where(eq(repos.id, repo.id)))[0])
  }

  return {
    /** Puts a repo on a user's watch list; gives its id. Throws `conflict`, `invalid`, `forbidden`, `unavailable`, `tooMany`. */
    async add(userId: string, asked: RepoName, token?: string): Promise<string> {
      const repo = await known(keyOf(asked), userId)
      const added = repo && (await addKnown(userId, repo, token))
      if (added) return added
      await payFor(userId, token)
      const answer = await look(asked, token)
      if (answer.kind === 'unchanged') throw new Error('GitHub says unchanged, although it was not told of what')
      if (answer.kind !== 'release') throw errorOf(answer, { token, now: clock.now() })
      const id = await watch(userId, (change) => rowOf(change, answer, token === undefined))
      if (!id) throw new Error('A repo is not there although it has just been made')
      return id
    },

    /** Resolves when GitHub is not being asked. */
    idle: looks.landed
  }
}

/** What a repo is found by: GitHub compares names without case. */
const keyOf = ({ ownerName, name }: RepoName) => `${ownerName}/${name}`.toLowerCase()
