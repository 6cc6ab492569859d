import { and, asc, eq, gt, type SQL, sql } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, missing } from '../../lib/errors.ts'
import { hashSecret, newApiKey } from '../../lib/secrets.ts'
import { nameKey } from '../accounts/usernames.ts'
import type { Logs } from '../logs/service.ts'
import type { Notices } from '../notices/service.ts'
import type { Application, Applications, NewApplication } from './service.ts'

/** What an administrator may change of an application; what is left out stays as it is. */
export type Changes = {
  name?: string | undefined
  domain?: string | null | undefined
  stack?: string | null | undefined
  isActive?: boolean | undefined
}

/** Which applications are listed: of all teams, or of the team of that name. */
export type Listing = { team?: string | undefined; includeInactive: boolean; limit: number; cursor?: string | undefined }

export type Administration = ReturnType<typeof createAdministration>
export type Administered = Awaited<ReturnType<Administration['byId']>>

type Needs = { db: Db; clock: Clock; notices: Notices; logs: Logs; applications: Applications }

/** The applications of every team, as administrators see and change them. */
export function createAdministration({ db, clock, notices, logs, applications: ofTeams }: Needs) {
  const { applications, teams, logChains } = db.tables
  const columns = {
    id: applications.id,
    name: applications.name,
    slug: applications.slug,
    domain: applications.domain,
    stack: applications.stack,
    isActive: applications.isActive,
    createdAt: applications.createdAt,
    updatedAt: applications.updatedAt
  }
  type Row = { createdAt: Date; updatedAt: Date | null }
  const sinceMade = <R extends Row>(row: R) => ({ ...row, updatedAt: row.updatedAt ?? row.createdAt })
  const withTotal = () =>
    db.read
      .select({ ...columns, totalLogs: sql<number>`coalesce(${logChains.total}, 0)`.mapWith(Number) })
      .from(applications)
      .innerJoin(teams, eq(teams.id, applications.teamId))
      .leftJoin(logChains, eq(logChains.applicationId, applications.id))

  /** Inside a change: sets columns of an application, and gives it with its team. */
  async function set({ tx }: Change, id: string, values: Changes & { apiKeyHash?: string }) {
    const [row] = await tx
      .update(applications)
      .set({ ...values, updatedAt: clock.now() })
      .where(eq(applications.id, id))
      .returning({ ...columns, teamId: applications.teamId })
    const [team] = row ? await tx.select({ id: teams.id, name: teams.name }).from(teams).where(eq(teams.id, row.teamId)) : []
    if (!row || !team) throw missing('Application not found')
    const { teamId: _, ...application } = row
    return { application: sinceMade(application), team }
  }

  const update = (id: string, changes: Changes) =>
    db.write(async (change) => {
      const { application, team } = await set(change, id, changes)
      const { slug, name, isActive } = application
      const data = { app: slug, application_id: id, team: team.name, name, active: isActive }
      await notices.record(change, { type: 'application.updated', teamId: team.id, data })
      return application
    })

  return {
    /** Up to `limit` applications in the order in which they were made, and the cursor to read on from, if there are more. */
    async list({ team, includeInactive, limit, cursor }: Listing) {
      const which: (SQL | undefined)[] = [
        cursor === undefined ? undefined : gt(applications.id, cursor),
        includeInactive ? undefined : eq(applications.isActive, true),
        team === undefined ? undefined : eq(teams.nameKey, nameKey(team))
      ]
      await logs.settle()
      const rows = await withTotal()
        .where(and(...which))
        .orderBy(asc(applications.id))
        .limit(limit + 1)
      const more = rows.length > limit
      return { applications: rows.slice(0, limit).map(sinceMade), next: more ? rows[limit - 1]?.id : undefined }
    },

    /** An application, active or not. Throws `missing`. */
    async byId(id: string) {
      await logs.settle()
      const [row] = await withTotal().where(eq(applications.id, id))
      if (!row) throw missing('Application not found')
      return sinceMade(row)
    },

    /** Makes an application with an API key, which is given this once. Throws `conflict` for a slug taken in the team. */
    async create(team: Application['team'], application: NewApplication & { name: string }) {
      const apiKey = newApiKey()
      const { id, slug } = await ofTeams.create(team, { ...application, apiKeyHash: hashSecret(apiKey) })
      return { id, name: application.name, slug, apiKey }
    },

    /** Changes an application. Throws `missing`. */
    update,

    /** Makes an application inactive: its API key is refused until it is active again. */
    deactivate: (id: string) => update(id, { isActive: false }),

    /** Replaces the API key of an application, and gives the new one this once; the old one ends with the commit. */
    renewKey(id: string) {
      const apiKey = newApiKey()
      return db.write(async (change) => {
        const { application, team } = await set(change, id, { apiKeyHash: hashSecret(apiKey) })
        const { slug, name } = application
        const data = { app: slug, application_id: id, team: team.name }
        await notices.record(change, { type: 'application.key_renewed', teamId: team.id, data })
        return { id, name, slug, apiKey }
      })
    },

    /** Deletes an application for good. Throws `conflict` where it has logs, unless they may go `withLogs`. */
    async remove(id: string, { withLogs }: { withLogs: boolean }) {
      await logs.settle()
      const removed = await db.write(async (change) => {
        await change.lockOrder() // so nothing is logged between the count and the end
        const { application, team } = await set(change, id, {})
        const { id: number, total } = logChains
        const [log] = await change.tx.select({ number, total }).from(logChains).where(eq(logChains.applicationId, id))
        if (log && log.total > 0 && !withLogs) throw conflict(hasLogs(log.total))
        await change.tx.delete(applications).where(eq(applications.id, id))
        const data = { app: application.slug, application_id: id, team: team.name }
        await notices.record(change, { type: 'application.deleted', teamId: team.id, data })
        return { application, log: log?.number }
      })
      if (removed.log !== undefined) await logs.removeAll(removed.log) // nothing is added to it any more
      return removed.application
    }
  }
}

const hasLogs = (total: number) =>
  `Cannot delete application with ${total} logs. Please use soft delete instead or confirm with force=true query parameter`
