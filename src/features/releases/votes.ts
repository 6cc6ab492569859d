import { and, eq, ne, sql } from 'drizzle-orm'
import type { GroupCommit } from '../../db/group-commit.ts'
import { type Change, type Db, given } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { missing } from '../../lib/errors.ts'
import { rankOf } from '../../lib/versions.ts'
import type { Running } from './columns.ts'

/** By how much the counts of a release change. */
type Delta = { successes: number; failures: number }

export type Votes = ReturnType<typeof createVotes>

/** Whether releases run, by those who tried: one vote for a client and release, the later in place of the earlier. */
export function createVotes({ db, commits, clock }: { db: Db; commits: GroupCommit; clock: Clock }) {
  const { releases, votes, applications } = db.tables
  const counted = new WeakMap<Change, Map<string, Delta>>()

  const released = db.prepare((database) =>
    database
      .select({ id: releases.id })
      .from(releases)
      .where(
        and(
          eq(releases.applicationId, given('applicationId')),
          eq(releases.architecture, given('architecture')),
          eq(releases.rank, given('rank'))
        )
      )
  )
  const first = db.prepare((database) =>
    database
      .insert(votes)
      .values({ releaseId: given('releaseId'), clientId: given('clientId'), success: given('success'), at: given('at') })
      .onConflictDoNothing()
      .returning({ releaseId: votes.releaseId })
  )
  const another = db.prepare((database) =>
    database
      .update(votes)
      .set({ success: given('success'), at: given('at') })
      .where(
        and(eq(votes.releaseId, given('releaseId')), eq(votes.clientId, given('clientId')), ne(votes.success, given('success')))
      )
      .returning({ releaseId: votes.releaseId })
  )

  async function find({ applicationId, architecture, version }: Running) {
    const [release] = await released.read({ applicationId, architecture, rank: rankOf(version) })
    if (release) return release.id
    const [known] = await db.read.select({ id: applications.id }).from(applications).where(eq(applications.id, applicationId))
    throw missing(known ? 'Build not found' : 'Application not found')
  }

  /** The counts of a release are written once for all votes of a commit. */
  async function countsOf(change: Change) {
    const known = counted.get(change)
    if (known) return known
    const deltas = new Map<string, Delta>()
    counted.set(change, deltas)
    change.beforeCommit(votes, () => addUp(change, deltas))
    await change.lockOrder() // before the release's row, as everywhere
    return deltas
  }

  async function addUp({ tx }: Change, deltas: Map<string, Delta>) {
    for (const [id, { successes, failures }] of deltas) {
      await tx
        .update(releases)
        .set({ successes: sql`${releases.successes} + ${successes}`, failures: sql`${releases.failures} + ${failures}` })
        .where(eq(releases.id, id))
    }
  }

  async function store(change: Change, vote: { releaseId: string; clientId: string; success: boolean }) {
    const deltas = await countsOf(change)
    const values = { ...vote, at: clock.now() }
    const [isFirst] = await first.within(change, values)
    const [isAnother] = isFirst ? [] : await another.within(change, values)
    if (!isFirst && !isAnother) return
    const { successes, failures } = deltas.get(vote.releaseId) ?? { successes: 0, failures: 0 }
    const [won, lost] = vote.success ? [1, isAnother ? -1 : 0] : [isAnother ? -1 : 0, 1]
    deltas.set(vote.releaseId, { successes: successes + won, failures: failures + lost })
  }

  return {
    /** Stores what a client says of the release that it runs, withdrawn or not. Throws `missing`. */
    async cast(running: Running, outcome: 'success' | 'failure') {
      const vote = { releaseId: await find(running), clientId: running.clientId, success: outcome === 'success' }
      try {
        await commits.submit((change) => store(change, vote))
      } catch (error) {
        await find(running) // it may have gone meanwhile
        throw error
      }
    }
  }
}
