import { and, asc, count, eq, inArray, isNull, ne } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, forbidden, invalid, missing } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import { isReserved, nameKey } from '../accounts/usernames.ts'
import type { Notices } from '../notices/service.ts'

export const teamRoles = ['owner', 'member', 'viewer'] as const
export type TeamRole = (typeof teamRoles)[number]

/** A team as one of its members sees it. */
export type Team = { id: string; name: string; role: TeamRole; personal: boolean }

/** What somebody is about to do in a team: a viewer only reads, only an owner changes who is in it. */
export type Intent = 'read' | 'write' | 'own'

/** Throws for a change that would take a user's own team from its user. */
function keepOwnUser(team: Team, username: string) {
  if (team.personal && team.name === username) throw invalid("A user's own team keeps its user as owner")
}

const mayDo: Record<Intent, readonly TeamRole[]> = { read: teamRoles, write: ['owner', 'member'], own: ['owner'] }

export type Teams = ReturnType<typeof createTeams>

/** Who works together: every user's own team, and the teams of several. */
export function createTeams({ db, clock, notices }: { db: Db; clock: Clock; notices: Notices }) {
  const { teams, members, users } = db.tables
  const memberKey = (teamId: string, userId: string) => and(eq(members.teamId, teamId), eq(members.userId, userId))

  async function ofUser(userId: string): Promise<Team[]> {
    const rows = await db.read
      .select({ id: teams.id, name: teams.name, role: members.role, owner: teams.userId })
      .from(members)
      .innerJoin(teams, eq(teams.id, members.teamId))
      .where(eq(members.userId, userId))
      .orderBy(asc(teams.nameKey))
    return rows.map(({ owner, ...team }) => ({ ...team, personal: owner !== null }))
  }

  async function access(userId: string, name: string, intent: Intent): Promise<Team> {
    const [row] = await db.read
      .select({ id: teams.id, name: teams.name, role: members.role, owner: teams.userId })
      .from(teams)
      .leftJoin(members, memberKeyOf(userId))
      .where(eq(teams.nameKey, nameKey(name)))
    if (!row) throw missing('Team not found')
    const { owner, role, ...team } = row
    if (role === null) throw forbidden('You are not a member of this team')
    if (!mayDo[intent].includes(role)) throw forbidden(`As ${role} of this team you may not do this`)
    return { ...team, role, personal: owner !== null }
  }

  const memberKeyOf = (userId: string) => and(eq(members.teamId, teams.id), eq(members.userId, userId))

  async function userNamed(username: string) {
    const [user] = await db.read
      .select({ id: users.id, username: users.username })
      .from(teams)
      .innerJoin(users, eq(users.id, teams.userId))
      .where(eq(teams.nameKey, nameKey(username)))
    if (!user) throw missing('User not found')
    return user
  }

  async function claimName({ tx }: Change, name: string) {
    const [created] = await tx
      .insert(teams)
      .values({ id: newId(), name, nameKey: nameKey(name), createdAt: clock.now() })
      .onConflictDoNothing()
      .returning({ id: teams.id })
    return created?.id
  }

  /** Inside a change: throws unless the team keeps an owner besides this user. */
  async function requireOtherOwner({ tx, lockOrder }: Change, team: { id: string; personal: boolean; userId: string }) {
    await lockOrder() // two owners leaving at once are counted one after the other
    const others = and(eq(members.teamId, team.id), eq(members.role, 'owner'), ne(members.userId, team.userId))
    const [row] = await tx.select({ owners: count() }).from(members).where(others)
    if ((row?.owners ?? 0) === 0) throw invalid('A team must keep an owner')
  }

  async function soleOwnerships({ tx }: Change, userId: string) {
    const mine = await tx
      .select({ id: teams.id, name: teams.name })
      .from(members)
      .innerJoin(teams, and(eq(teams.id, members.teamId), isNull(teams.userId)))
      .where(and(eq(members.userId, userId), eq(members.role, 'owner')))
    if (mine.length === 0) return []
    const ids = mine.map(({ id }) => id)
    const others = await tx
      .select({ teamId: members.teamId, role: members.role })
      .from(members)
      .where(and(inArray(members.teamId, ids), ne(members.userId, userId)))
    const owned = new Set(others.filter(({ role }) => role === 'owner').map(({ teamId }) => teamId))
    const peopled = new Set(others.map(({ teamId }) => teamId))
    return mine.filter(({ id }) => !owned.has(id)).map((team) => ({ ...team, peopled: peopled.has(team.id) }))
  }

  return {
    /** Inside a change: takes a name for a team still without members; undefined where it is taken. */
    claimName,

    /** Inside a change: makes a claimed team a user's own. */
    async giveTo({ tx }: Change, teamId: string, userId: string) {
      await tx.update(teams).set({ userId }).where(eq(teams.id, teamId))
      await tx.insert(members).values({ teamId, userId, role: 'owner' })
    },

    /** Inside a change: ends the teams that only this user is in. Throws `invalid` where others would be left without an owner. */
    async leaveAll(change: Change, userId: string) {
      await change.lockOrder()
      const left = await soleOwnerships(change, userId)
      const orphaned = left.filter(({ peopled }) => peopled).map(({ name }) => `you are the only owner of ${name}`)
      if (orphaned.length > 0) throw invalid('Make somebody else an owner first', orphaned)
      for (const { id, name } of left) {
        await change.tx.delete(teams).where(eq(teams.id, id))
        await notices.record(change, { type: 'team.deleted', teamId: id, userId, data: { team: name } })
      }
    },

    /** The teams that a user is in, by name. */
    ofUser,

    /** A team by name, for a user who may do this in it. Throws `missing` and `forbidden`. */
    access,

    /** A team by name, whoever asks. Throws `missing`. */
    async named(name: string): Promise<Pick<Team, 'id' | 'name'>> {
      const [team] = await db.read
        .select({ id: teams.id, name: teams.name })
        .from(teams)
        .where(eq(teams.nameKey, nameKey(name)))
      if (!team) throw missing('Team not found')
      return team
    },

    /** Makes a team; who makes it is its owner. Throws `conflict` for a name taken or reserved. */
    async create(name: string, userId: string): Promise<Team> {
      if (isReserved(name)) throw conflict('Team name is reserved')
      return db.write(async (change) => {
        const id = await claimName(change, name)
        if (!id) throw conflict('Team already exists')
        await change.tx.insert(members).values({ teamId: id, userId, role: 'owner' })
        await notices.record(change, { type: 'team.created', teamId: id, userId, data: { team: name } })
        return { id, name, role: 'owner', personal: false }
      })
    },

    /** Deletes a team with all that is in it; a user's own team goes with its user only. */
    async remove(team: Team) {
      if (team.personal) throw invalid("A user's own team goes with its user")
      await db.write(async (change) => {
        await change.lockOrder() // it reaches into the log, which is locked first everywhere
        const gone = await change.tx.select({ userId: members.userId }).from(members).where(eq(members.teamId, team.id))
        await change.tx.delete(teams).where(eq(teams.id, team.id))
        for (const { userId } of gone) {
          await notices.record(change, { type: 'team.deleted', teamId: team.id, userId, data: { team: team.name } })
        }
      })
    },

    /** The members of a team with their roles, by username. */
    members: (team: Team) =>
      db.read
        .select({ username: users.username, name: users.name, role: members.role })
        .from(members)
        .innerJoin(users, eq(users.id, members.userId))
        .where(eq(members.teamId, team.id))
        .orderBy(asc(users.username)),

    /** Adds a user to a team, or changes the role. */
    async setMember(team: Team, username: string, role: TeamRole) {
      const user = await userNamed(username)
      if (role !== 'owner') keepOwnUser(team, user.username)
      await db.write(async (change) => {
        if (role !== 'owner') await requireOtherOwner(change, { ...team, userId: user.id })
        await change.tx
          .insert(members)
          .values({ teamId: team.id, userId: user.id, role })
          .onConflictDoUpdate({ target: [members.teamId, members.userId], set: { role } })
        const data = { team: team.name, username: user.username, role }
        await notices.record(change, { type: 'member.set', teamId: team.id, userId: user.id, data })
      })
      return { username: user.username, role }
    },

    /** Takes a user out of a team. A user's own team keeps its user. */
    async removeMember(team: Team, username: string) {
      const user = await userNamed(username)
      keepOwnUser(team, user.username)
      await db.write(async (change) => {
        await requireOtherOwner(change, { ...team, userId: user.id })
        const [gone] = await change.tx.delete(members).where(memberKey(team.id, user.id)).returning({ role: members.role })
        if (!gone) throw missing('Member not found')
        const data = { team: team.name, username: user.username }
        await notices.record(change, { type: 'member.removed', teamId: team.id, userId: user.id, data })
      })
    }
  }
}
