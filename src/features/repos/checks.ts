import { and, eq, lte } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { createFlights } from '../../lib/flights.ts'
import type { Log } from '../../lib/log.ts'
import { hashSecret } from '../../lib/secrets.ts'
import type { Failure } from '../github/failures.ts'
import type { Github } from '../github/service.ts'
import type { Latest, RepoRow } from './latest.ts'

const hour = 60 * 60_000
const atOnce = 4
const inVainAtMost = 3

/** How long at most until the next question, by what the last one gave. */
const longest = { missing: 24 * hour, refused: 24 * hour, token: hour, unreachable: hour, nonsense: hour }

const tooSlow: Failure = { kind: 'unreachable', why: 'too slow' }

export type Outcome = { kind: 'known' } | Failure

type Needs = {
  db: Db
  clock: Clock
  log: Log
  github: Github
  latest: Latest
  /** How often each repo is polled, in ms. */
  interval: number
  /** How long checking several may take before the rest is left, in ms; replaceable in tests. */
  within?: number
}

export type Checks = ReturnType<typeof createChecks>

/** Asks GitHub what the latest releases are: of each repo once at a time, however many want to know. */
export function createChecks({ db, clock, log, github, latest, interval, within = 60_000 }: Needs) {
  const { repos } = db.tables
  const flights = createFlights<Outcome>()

  async function ask(repo: RepoRow, token: string | undefined): Promise<Outcome> {
    const checkedAt = clock.now()
    const answer = await github.latestRelease(repo, { etag: repo.etag, token })
    const byHub = token === undefined ? { isPublic: true } : {}
    const well = { checkedAt, nextCheckAt: nextCheck(checkedAt), failures: 0, failure: null, ...byHub }
    if (answer.kind === 'release') {
      await latest.store(repo.id, answer, { ...well, etag: answer.etag, movedTo: answer.movedTo ?? repo.movedTo })
    } else if (answer.kind === 'unchanged') await note(repo, well)
    else if (token === undefined) await noteFailure(repo, answer, checkedAt)
    return answer.kind === 'release' || answer.kind === 'unchanged' ? { kind: 'known' } : answer
  }

  const note = ({ id }: RepoRow, set: Partial<RepoRow> & { checkedAt: Date }) =>
    db.write(({ tx }) =>
      tx
        .update(repos)
        .set(set)
        .where(and(eq(repos.id, id), lte(repos.checkedAt, set.checkedAt)))
    )

  async function noteFailure(repo: RepoRow, failure: Failure, checkedAt: Date) {
    if (failure.kind === 'quota' || github.isStopping()) return
    const { kind } = failure
    if (repo.failure !== kind) log.warn({ repo: repo.key, ...failure }, 'a repo could not be checked')
    const wait = Math.min(interval * 2 ** Math.min(repo.failures, 16), Math.max(interval, longest[kind]))
    // Who had taken the number that it moved to may be gone, and the name be somebody else's.
    const movedTo = kind === 'missing' ? null : repo.movedTo
    await note(repo, { checkedAt, nextCheckAt: nextCheck(checkedAt, wait), failures: repo.failures + 1, failure: kind, movedTo })
  }

  /** A tenth earlier or later each time: what began together does not stay so. */
  const nextCheck = (from: Date, wait = interval) => new Date(from.getTime() + wait * (0.9 + Math.random() / 5))

  /** Joins the hub's own question if there is one; asks with the caller's token where that gave nothing. */
  async function check(repo: RepoRow, token?: string) {
    const running = token === undefined ? undefined : await flights.of(repo.id)
    if (running?.kind === 'known') return running
    const key = token === undefined ? repo.id : `${repo.id} ${hashSecret(token)}`
    return flights.join(key, () => ask(repo, token))
  }

  return {
    check,
    nextCheck,

    /**
     * Checks several, a few at a time; gives what came of each. Where GitHub is away or wants no such token, the rest is not
     * asked for in vain; where it is too slow, the rest is left for another time.
     */
    async checkAll(all: RepoRow[], token?: string) {
      const outcomes = new Map<RepoRow, Outcome>()
      const queue = all.values()
      const vain: Failure[] = []
      const end = performance.now() + within
      const pointless = () => vain[inVainAtMost - 1] ?? (performance.now() > end ? tooSlow : undefined)
      const faults: unknown[] = []
      const checkOne = async (repo: RepoRow) => {
        const outcome = pointless() ?? (await check(repo, token))
        outcomes.set(repo, outcome)
        if (outcome.kind === 'unreachable' || outcome.kind === 'token') vain.push(outcome)
      }
      const run = async () => {
        for (const repo of queue) await checkOne(repo).catch((error: unknown) => void faults.push(error))
      }
      await Promise.all(Array.from({ length: atOnce }, run))
      if (faults.length > 0) throw faults[0] // of ours, and only now: the others are done
      return outcomes
    },

    /** Resolves when nothing is being asked. */
    idle: flights.landed
  }
}
