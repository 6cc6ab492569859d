import { and, count, eq } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, invalid, unavailable } from '../../lib/errors.ts'
import { createFlights } from '../../lib/flights.ts'
import { hashSecret, newHexId } from '../../lib/secrets.ts'
import type { RateLimits } from '../accounts/limits.ts'
import type { Failure } from '../github/failures.ts'
import type { RepoName } from '../github/release.ts'
import type { Github } from '../github/service.ts'
import type { Notices } from '../notices/service.ts'
import type { Checks } from './checks.ts'
import { errorOf } from './failures.ts'
import type { Latest, RepoRow, Told } from './latest.ts'

const watchedAtMost = 500
const unknownFor = 60_000
const unknownAtMost = 10_000
const triesAtMost = 10

type Needs = {
  db: Db
  clock: Clock
  notices: Notices
  limits: RateLimits
  github: Github
  latest: Latest
  checks: Checks
}

type Found = { kind: 'found'; id: string } | Failure

export type Adding = ReturnType<typeof createAdding>

/** How a repo comes on a watch list: GitHub is asked unless the hub knows already what anybody may know of it. */
export function createAdding({ db, clock, notices, limits, github, latest, checks }: Needs) {
  const { repos, watchers } = db.tables
  const looks = createFlights<Found>()
  const unknown = new LRUCache<string, number>({ max: unknownAtMost })
  const time = () => clock.now().getTime()

  const rowBy = async (key: string) => (await db.read.select().from(repos).where(eq(repos.key, key)))[0]

  /** Looks a repo up, here and then at GitHub: one at a time for all who may see the same, until its row is there for the next. */
  const look = (asked: RepoName, token: string | undefined) => {
    const key = token === undefined ? keyOf(asked) : `${keyOf(asked)} ${hashSecret(token)}`
    return looks.join(key, async (): Promise<Found> => {
      const known = await rowBy(keyOf(asked))
      if (known) return lookAgain(known, token)
      if ((unknown.get(key) ?? 0) > time()) return { kind: 'missing' }
      const found = await firstLook(asked, token)
      if (found.kind === 'missing') unknown.set(key, time() + unknownFor)
      return found
    })
  }

  async function lookAgain(known: RepoRow, token: string | undefined): Promise<Found> {
    const outcome = isOpen(known) ? { kind: 'known' as const } : await checks.check(known, token)
    return outcome.kind === 'known' ? { kind: 'found', id: known.id } : outcome
  }

  async function firstLook(asked: RepoName, token: string | undefined): Promise<Found> {
    const answer = await github.latestRelease({ ...asked, movedTo: null }, { token })
    if (answer.kind === 'unchanged') return { kind: 'nonsense' } // it was not told of what
    if (answer.kind !== 'release') return answer
    return { kind: 'found', id: await db.write((change) => makeRow(change, answer, token === undefined)) }
  }

  /** Inside a change: the row of a repo as GitHub has just told it, unless it is there under the name that GitHub has for it. */
  async function makeRow(change: Change, { release: { assets, version, ...name }, etag, movedTo }: Told, isPublic: boolean) {
    const now = clock.now()
    const times = { createdAt: now, checkedAt: now, nextCheckAt: checks.nextCheck(now) }
    const row = { id: newHexId(), ...name, key: keyOf(name), movedTo, isPublic, latestVersion: version, etag, ...times }
    const [created] = await change.tx.insert(repos).values(row).onConflictDoNothing().returning({ id: repos.id })
    if (created) {
      await latest.replaceAssets(change, created.id, assets)
      return created.id
    }
    const seen = isPublic ? { isPublic } : { key: row.key }
    const [there] = await change.tx.update(repos).set(seen).where(eq(repos.key, row.key)).returning({ id: repos.id })
    return there?.id ?? ''
  }

  /** Puts a repo on a watch list; undefined where it has gone with its last watcher. */
  const watch = (userId: string, repoId: string) =>
    db.write(async (change) => {
      await change.lockOrder() // its last watcher may be leaving, and the row with it
      const [repo] = await change.tx.select().from(repos).where(eq(repos.id, repoId))
      if (!repo) return undefined
      const { latestVersion: version, ownerName, name } = repo
      const [held] = await change.tx.select({ repos: count() }).from(watchers).where(eq(watchers.userId, userId))
      if ((held?.repos ?? 0) >= watchedAtMost) throw invalid(`A watch list has at most ${watchedAtMost} repos`)
      const [added] = await change.tx
        .insert(watchers)
        .values({ userId, repoId, currentVersion: version, addedAt: clock.now() })
        .onConflictDoNothing()
        .returning({ id: watchers.repoId })
      if (!added) throw conflict(alreadyThere)
      const data = { repo: `${ownerName}/${name}`, repo_id: repoId, version }
      await notices.record(change, { type: 'repo.added', userId, data })
      return repoId
    })

  async function find(userId: string, asked: RepoName, token: string | undefined) {
    const known = await rowBy(keyOf(asked))
    if (known && (await isWatching(userId, known.id))) throw conflict(alreadyThere)
    if (known && isOpen(known)) return known.id
    if (token === undefined) await limits.githubRequests(userId, 1)
    const found = await look(asked, token)
    if (found.kind === 'found') return found.id
    throw errorOf(found, { token, now: clock.now() })
  }

  async function isWatching(userId: string, repoId: string) {
    const mine = and(eq(watchers.userId, userId), eq(watchers.repoId, repoId))
    return (await db.read.select({ id: watchers.repoId }).from(watchers).where(mine)).length > 0
  }

  return {
    /** Puts a repo on a user's watch list; gives its id. Throws `conflict`, `invalid`, `forbidden`, `unavailable`, `tooMany`. */
    async add(userId: string, asked: RepoName, token?: string): Promise<string> {
      for (let tries = 0; tries < triesAtMost; tries++) {
        const id = await watch(userId, await find(userId, asked, token))
        if (id) return id
      }
      throw unavailable('Others are adding and removing this repo at the moment')
    },

    /** Resolves when GitHub is not being asked. */
    idle: looks.landed
  }
}

const alreadyThere = 'Repo already exists'

/** Whether anybody may know what the hub knows of a repo, and it still holds. */
const isOpen = ({ isPublic, failure }: RepoRow) => isPublic && failure === null

/** What a repo is found by: GitHub compares names without case. */
const keyOf = ({ ownerName, name }: RepoName) => `${ownerName}/${name}`.toLowerCase()
