import { Elysia, t } from 'elysia'
import { namePattern, usernameMaxLength } from '../../features/accounts/usernames.ts'
import { teamRoles } from '../../features/teams/service.ts'
import type { Hub } from '../../hub.ts'
import { signedIn, userSecurity } from '../access.ts'
import { described, says, teamErrors } from '../openapi.ts'

const role = t.Union(
  teamRoles.map((name) => t.Literal(name)),
  {
    title: 'role is required',
    error: `role must be ${teamRoles.join(', ')}`,
    examples: ['member'],
    description: 'What the user may do in the team'
  }
)
const newTeam = t.Object({
  name: t.String({
    pattern: namePattern,
    maxLength: usernameMaxLength,
    title: 'name is required',
    error: `name must begin with a letter and have at most ${usernameMaxLength} letters, digits, - and _`,
    examples: ['acme'],
    description: 'Unique among teams and users, without regard to case'
  })
})
const team = t.Object({
  name: t.String({ description: 'Name of the team', examples: ['acme'] }),
  role: t.String({ description: 'What you may do in it: `owner`, `member` or `viewer`', examples: ['owner'] })
})
const member = t.Object({
  username: t.String({ description: 'Who', examples: ['grace'] }),
  role: t.String({ description: '`owner`, `member` or `viewer`', examples: ['member'] })
})
const person = t.Object({ ...member.properties, name: t.String({ description: 'Display name', examples: ['Grace'] }) })
const teams = t.Array(team, { description: 'The teams that you are in, your own among them; by name' })
const nothing = t.Object({})
const userId = '0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c'

const { read, own } = teamErrors
const ownUser = { 'It is a user’s own team, and the user is its owner': "A user's own team keeps its user as owner" }
const lastOwner = { 'The team would be left without an owner': 'A team must keep an owner' }
const noUser = { 'No such user': 'User not found' }

/** `GET /me`, and the teams that several users share. */
export const teamRoutes = (hub: Hub) =>
  new Elysia({ tags: ['teams'], detail: { security: userSecurity } })
    .use(signedIn(hub))
    .get(
      '/me',
      async ({ caller: { id, username, name, email, role } }) => {
        const teams = await hub.teams.ofUser(id)
        return { id, username, name, email, role, teams: teams.map((mine) => ({ name: mine.name, role: mine.role })) }
      },
      {
        response: {
          200: described(
            t.Object({
              id: t.String({ format: 'uuid', description: 'Stays, whatever else changes', examples: [userId] }),
              username: t.String({ description: 'Also the name of your own team', examples: ['ada'] }),
              name: t.String({ description: 'Display name', examples: ['Ada'] }),
              email: t.String({ description: 'What you sign in with', examples: ['ada@example.org'] }),
              role: t.String({ description: '`USER`, `AUDITOR` or `SUPER_ADMIN`', examples: ['USER'] }),
              teams
            }),
            'Your account'
          )
        },
        detail: says({ summary: 'Who you are', description: 'Your account and the teams that you are in.' })
      }
    )
    .get(
      '/teams',
      async ({ caller }) => ({
        teams: (await hub.teams.ofUser(caller.id)).map(({ name, role: mine }) => ({ name, role: mine }))
      }),
      {
        response: { 200: described(t.Object({ teams }), 'Your teams') },
        detail: says({ summary: 'Your teams', description: 'Your own team has your username as its name.' })
      }
    )
    .post(
      '/teams',
      async ({ body, caller, set }) => {
        const { name, role: mine } = await hub.teams.create(body.name, caller.id)
        set.status = 201
        return { name, role: mine }
      },
      {
        parse: 'fields',
        body: newTeam,
        response: { 201: described(team, 'The team is created') },
        detail: says({
          summary: 'Create a team',
          description:
            'You are its owner. Teams and users share one space of names: the devices and applications of the team live under `/{team}/…`.',
          errors: {
            invalid: { 'The name is missing or wrong': ['', 'name is required'] },
            conflict: {
              'The name is taken by a team or a user': 'Team already exists',
              'The name is one that the hub keeps for itself': 'Team name is reserved'
            }
          }
        })
      }
    )
    .delete(
      '/teams/:team',
      async ({ params, caller }) => {
        await hub.teams.remove(await hub.teams.access(caller.id, params.team, 'own'))
        return {}
      },
      {
        response: { 200: nothing },
        detail: says({
          summary: 'Delete a team',
          description: 'Its devices, applications and deployments go with it.',
          errors: { ...own, invalid: { 'It is a user’s own team': "A user's own team goes with its user" } }
        })
      }
    )
    .get(
      '/teams/:team/members',
      async ({ params, caller }) => ({
        members: await hub.teams.members(await hub.teams.access(caller.id, params.team, 'read'))
      }),
      {
        response: { 200: described(t.Object({ members: t.Array(person) }), 'The members, by username') },
        detail: says({ summary: 'Members of a team', description: 'Who is in the team, and in which role.', errors: read })
      }
    )
    .put(
      '/teams/:team/members/:username',
      async ({ params, body, caller }) =>
        hub.teams.setMember(await hub.teams.access(caller.id, params.team, 'own'), params.username, body.role),
      {
        parse: 'fields',
        body: t.Object({ role }),
        response: { 200: described(member, 'The member, with the role as it is now') },
        detail: says({
          summary: 'Add a member, or change the role',
          description: 'An `owner` decides who is in the team, a `member` works in it, a `viewer` only reads.',
          errors: {
            ...own,
            missing: { ...own.missing, ...noUser },
            invalid: { 'No such role': ['', 'role must be owner, member, viewer'], ...lastOwner, ...ownUser }
          }
        })
      }
    )
    .delete(
      '/teams/:team/members/:username',
      async ({ params, caller }) => {
        const leaving = params.username.toLowerCase() === caller.username.toLowerCase()
        await hub.teams.removeMember(await hub.teams.access(caller.id, params.team, leaving ? 'read' : 'own'), params.username)
        return {}
      },
      {
        response: { 200: nothing },
        detail: says({
          summary: 'Remove a member',
          description: 'Anybody may leave; only an owner removes others.',
          errors: {
            ...own,
            missing: { ...own.missing, ...noUser, 'The user is not in the team': 'Member not found' },
            invalid: { ...lastOwner, ...ownUser }
          }
        })
      }
    )
