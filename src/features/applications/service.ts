import { and, asc, eq } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, forbidden, invalid, missing } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import type { Notices } from '../notices/service.ts'
import type { Intent, Team, Teams } from '../teams/service.ts'

/** An application of a team. */
export type Application = { id: string; slug: string; team: Pick<Team, 'id' | 'name'> }

/** What an application is made of; its name is the slug where none is given. */
export type NewApplication = {
  slug: string
  name?: string | undefined
  domain?: string | null | undefined
  stack?: string | null | undefined
  apiKeyHash?: string | undefined
}

export type Applications = ReturnType<typeof createApplications>

/** What is deployed, published and logged, whichever document made it. */
export function createApplications({ db, clock, notices, teams }: { db: Db; clock: Clock; notices: Notices; teams: Teams }) {
  const { applications, members } = db.tables
  const noticeOf = ({ id, slug, team }: Application) => ({ app: slug, application_id: id, team: team.name })

  async function inTeam(team: Team, slug: string): Promise<Application> {
    const [row] = await db.read
      .select({ id: applications.id, slug: applications.slug })
      .from(applications)
      .where(and(eq(applications.teamId, team.id), eq(applications.slug, slug)))
    if (!row) throw missing('Application not found')
    return { ...row, team }
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
    async create(
      team: Application['team'],
      { slug, name = slug, domain, stack, apiKeyHash }: NewApplication
    ): Promise<Application> {
      return db.write(async (change) => {
        const [created] = await change.tx
          .insert(applications)
          .values({ id: newId(), teamId: team.id, slug, name, domain, stack, apiKeyHash, createdAt: clock.now() })
          .onConflictDoNothing()
          .returning({ id: applications.id })
        if (!created) throw conflict('Application already exists', ['app_name is already taken'])
        const application = { id: created.id, slug, team }
        await notices.record(change, { type: 'application.created', teamId: team.id, data: noticeOf(application) })
        return application
      })
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
