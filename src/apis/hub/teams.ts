import { Elysia, t } from 'elysia'
import { namePattern, usernameMaxLength } from '../../features/accounts/usernames.ts'
import { teamRoles } from '../../features/teams/service.ts'
import type { Hub } from '../../hub.ts'
import { signedIn, userSecurity } from '../access.ts'
import { says } from '../openapi.ts'

const role = t.Union(
  teamRoles.map((name) => t.Literal(name)),
  { title: 'role is required', error: `role must be ${teamRoles.join(', ')}`, examples: ['member'] }
)
const newTeam = t.Object({
  name: t.String({
    pattern: namePattern,
    maxLength: usernameMaxLength,
    title: 'name is required',
    error: `name must begin with a letter and have at most ${usernameMaxLength} letters, digits, - and _`,
    examples: ['acme']
  })
})
const team = t.Object({ name: t.String({ examples: ['acme'] }), role: t.String({ examples: ['owner'] }) })
const member = t.Object({ username: t.String({ examples: ['ada'] }), role: t.String({ examples: ['member'] }) })
const nothing = t.Object({})

const errors = { forbidden: 'You are not an owner of the team', missing: 'No such team or user' }

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
          200: t.Object({
            id: t.String({ format: 'uuid' }),
            username: t.String({ examples: ['ada'] }),
            name: t.String({ examples: ['Ada Lovelace'] }),
            email: t.String({ examples: ['ada@example.org'] }),
            role: t.String({ description: 'USER, AUDITOR or SUPER_ADMIN', examples: ['USER'] }),
            teams: t.Array(team)
          })
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
        response: { 200: t.Object({ teams: t.Array(team) }) },
        detail: says({ summary: 'Your teams' })
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
        response: { 201: team },
        detail: says({
          summary: 'Create a team',
          description: 'You are its owner. Teams and users share one space of names.',
          errors: { invalid: 'The name is missing or wrong', conflict: 'The name is taken or reserved' }
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
          errors: { ...errors, invalid: 'It is a user’s own team, which goes with its user' }
        })
      }
    )
    .get(
      '/teams/:team/members',
      async ({ params, caller }) => ({
        members: await hub.teams.members(await hub.teams.access(caller.id, params.team, 'read'))
      }),
      {
        response: {
          200: t.Object({ members: t.Array(t.Object({ ...member.properties, name: t.String({ examples: ['Ada Lovelace'] }) })) })
        },
        detail: says({ summary: 'Members of a team', errors: { ...errors, forbidden: 'You are not a member of the team' } })
      }
    )
    .put(
      '/teams/:team/members/:username',
      async ({ params, body, caller }) =>
        hub.teams.setMember(await hub.teams.access(caller.id, params.team, 'own'), params.username, body.role),
      {
        parse: 'fields',
        body: t.Object({ role }),
        response: { 200: member },
        detail: says({
          summary: 'Add a member, or change the role',
          description: 'An `owner` decides who is in the team, a `member` works in it, a `viewer` only reads.',
          errors: { ...errors, invalid: 'No such role, or the team would be left without an owner' }
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
          errors: { ...errors, invalid: 'The team would be left without an owner' }
        })
      }
    )
