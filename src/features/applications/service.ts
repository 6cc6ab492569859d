import { and, asc, eq, gt, gte, lt } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, forbidden, invalid, missing } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import type { Notices } from '../notices/service.ts'
import type { Intent, Team, Teams } from '../teams/service.ts'
import { slugsFrom } from './slugs.ts'

/** An application of a team. */
export type Application = { id: string; slug: string; team: Pick<Team, 'id' | 'name'> }

/** What an application is made of; its name is the slug where none is given. */
export type NewApplication = {
  slug: string
  name?: string | undefined
  description?: string | null | undefined
  domain?: string | null | undefined
  stack?: string | null | undefined
  apiKeyHash?: string | undefined
}

export type Applications = ReturnType<typeof createApplications>

/** What is deployed, published and logged, whichever document made it. */
export function createApplications({ db, clock, notices, teams }: { db: Db; clock: Clock; notices: Notices; teams: Teams }) {
  const { applications, members, teams: teamRows } = db.tables
  const noticeOf = ({ id, slug, team }: Application) => ({ app: slug, application_id: id, team: team.name })

  async function inTeam(team: Application['team'], slug: string): Promise<Application> {
    const [row] = await db.read
      .select({ id: applications.id, slug: applications.slug })
      .from(applications)
      .where(and(eq(applications.teamId, team.id), eq(applications.slug, slug)))
    if (!row) throw missing('Application not found')
    return { ...row, team }
  }

  async function byId(id: string): Promise<Application> {
    const [row] = await db.read
      .select({ id: applications.id, slug: applications.slug, teamId: teamRows.id, team: teamRows.name })
      .from(applications)
      .innerJoin(teamRows, eq(teamRows.id, applications.teamId))
      .where(eq(applications.id, id))
    if (!row) throw missing('Application not found')
    return { id: row.id, slug: row.slug, team: { id: row.teamId, name: row.team } }
  }

  /** Inside a change: makes an application; undefined where its slug is taken in the team. */
  async function insert(change: Change, team: Application['team'], { name, ...rest }: NewApplication) {
    const { slug } = rest
    const [created] = await change.tx
      .insert(applications)
      .values({ ...rest, id: newId(), teamId: team.id, name: name ?? slug, createdAt: clock.now() })
      .onConflictDoNothing()
      .returning({ id: applications.id })
    if (!created) return undefined
    const application: Application = { id: created.id, slug, team }
    await notices.record(change, { type: 'application.created', teamId: team.id, data: noticeOf(application) })
    return application
  }

  /** Inside a change: the slugs of a team that begin as `base`, and go on with a number perhaps. */
  async function takenLike({ tx }: Change, team: Application['team'], base: string) {
    const { slug, teamId } = applications
    const isLike = and(eq(teamId, team.id), gte(slug, base), lt(slug, `${base}.`)) // a point is the next after a hyphen
    const rows = await tx.select({ slug }).from(applications).where(isLike)
    return new Set(rows.map((row) => row.slug))
  }

  return {
    /** The applications of a team, by name. */
    list: (team: Team) =>
      db.read
        .select({ slug: applications.slug })
        .from(applications)
        .where(eq(applications.teamId, team.id))
        .orderBy(asc(applications.slug)),

    /** Makes an application. Throws `conflict` for a name taken in the team. */
    async create(team: Application['team'], application: NewApplication): Promise<Application> {
      return db.write(async (change) => {
        const created = await insert(change, team, application)
        if (!created) throw conflict('Application already exists', ['app_name is already taken'])
        return created
      })
    },

    /** Makes an application whose slug is made from its name: `my-app`, `my-app-2`, … */
    async createNamed(team: Application['team'], application: Omit<NewApplication, 'slug'> & { name: string }) {
      const [base = ''] = slugsFrom(application.name)
      return db.write(async (change) => {
        const taken = await takenLike(change, team, base)
        for (const slug of slugsFrom(application.name)) {
          const created = taken.has(slug) ? undefined : await insert(change, team, { ...application, slug })
          if (created) return created
        }
        throw conflict('Too many applications have this name')
      })
    },

    /** Up to `limit` applications of a user's teams in the order in which they were made, and the cursor to read on from, if there are more. */
    async listOf(userId: string, { limit, cursor }: { limit: number; cursor?: string | undefined }) {
      const { id, slug, name, description } = applications
      const rows = await db.read
        .select({ id, slug, name, description, team: teamRows.name })
        .from(applications)
        .innerJoin(members, and(eq(members.teamId, applications.teamId), eq(members.userId, userId)))
        .innerJoin(teamRows, eq(teamRows.id, applications.teamId))
        .where(cursor === undefined ? undefined : gt(id, cursor))
        .orderBy(asc(id))
        .limit(limit + 1)
      return { applications: rows.slice(0, limit), next: rows.length > limit ? rows[limit - 1]?.id : undefined }
    },

    /** An application by its id, whoever asks. Throws `missing`. */
    byId,

    /** An application by its id, for a user who may do this in its team. Throws `missing` and `forbidden`. */
    async forUser(userId: string, id: string, intent: Intent): Promise<Application> {
      const application = await byId(id)
      await teams.access(userId, application.team.name, intent)
      return application
    },

    /** An application of a team by its name. */
    inTeam,

    /** The application of that name in whichever of the user's teams has it. Throws `invalid` naming the teams where several do. */
    async ofUser(userId: string, slug: string, intent: Intent): Promise<Application> {
      const rows = await db.read
        .select({ id: applications.id, teamId: applications.teamId })
        .from(applications)
        .innerJoin(members, and(eq(members.teamId, applications.teamId), eq(members.userId, userId)))
        .where(eq(applications.slug, slug))
      const mine = (await teams.ofUser(userId)).filter(({ id }) => rows.some(({ teamId }) => teamId === id))
      const [team, ...others] = mine
      if (!team) throw missing('Application not found')
      if (others.length > 0) {
        const names = mine.map(({ name }) => name).join(', ')
        throw invalid('Several of your teams have this application', [
          `app_name is ambiguous: ${names} have one; use /<team>/apps/${slug}/…`
        ])
      }
      if (intent !== 'read' && team.role === 'viewer') throw forbidden('As viewer of this team you may not do this')
      return inTeam(team, slug)
    },

    /** Deletes an application with its deployments; its devices stay, without an application. */
    async remove(application: Application) {
      await db.write(async (change) => {
        await change.lockOrder() // it reaches into the log, which is locked first everywhere
        const [gone] = await change.tx
          .delete(applications)
          .where(eq(applications.id, application.id))
          .returning({ id: applications.id })
        if (!gone) throw missing('Application not found')
        await notices.record(change, { type: 'application.deleted', teamId: application.team.id, data: noticeOf(application) })
      })
    }
  }
}
