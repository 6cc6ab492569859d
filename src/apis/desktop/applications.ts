import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { addressOf, callerOf, signedIn, userSecurity } from '../access.ts'
import { readFields } from '../fields.ts'
import { described, says, teamErrors } from '../openapi.ts'
import * as model from './model.ts'

const pageAtMost = 200

/** The user who asks; nobody in particular where nobody need sign in, and nobody has. */
async function askerOf(hub: Hub, request: Request) {
  const isSigned = request.headers.has('access_token') || request.headers.has('authorization')
  if (!isSigned && hub.config.anonymousApplications) return undefined
  return callerOf(hub, request)
}

/** Routes for signed-in users, and for anybody where ANONYMOUS_APPLICATIONS says so: gives `asker`. */
const perhapsSignedIn = (hub: Hub) =>
  new Elysia({ name: 'perhaps-signed-in' })
    .parser('asked', async ({ request }) => {
      await askerOf(hub, request)
      return readFields(request)
    })
    .derive({ as: 'scoped' }, async ({ request }) => ({ asker: await askerOf(hub, request) }))

/** `/applications`: made, and listed. */
export const applicationRoutes = (hub: Hub) =>
  new Elysia({ tags: ['desktop: applications'], detail: { security: userSecurity } }).use(creation(hub)).use(listing(hub))

const creation = (hub: Hub) =>
  new Elysia().use(perhapsSignedIn(hub)).post(
    '/applications',
    async ({ body: { name, description, team }, asker, request, server, set }) => {
      const owner = asker
        ? await hub.teams.access(asker.id, team || asker.username, 'write')
        : await hub.anonymousTeam(addressOf({ request, server }))
      const { id } = await hub.applications.createNamed(owner, { name, description: description ?? '' })
      set.status = 201
      return { id, name, description: description ?? '' }
    },
    {
      parse: 'asked',
      body: model.newApplication,
      response: { 201: described(model.application, 'The application is created') },
      detail: says({
        summary: 'Create an application',
        description:
          'It belongs to `team`, or else to your own team; its name in addresses is made from its name, with `-2`, `-3` where that is taken. ' +
          'With ANONYMOUS_APPLICATIONS=true nobody need sign in: what is then made without a token belongs to the team `anonymous`, ' +
          'which the hub’s first administrator owns.',
        errors: {
          ...teamErrors.write,
          invalid: { 'The name is missing': ['', 'name is required'] },
          tooMany: { 'Too many applications made without a token from your address': '' }
        }
      })
    }
  )

const listing = (hub: Hub) =>
  new Elysia().use(signedIn(hub)).get(
    '/applications',
    async ({ caller, query: { limit = 50, cursor } }) => {
      const page = await hub.applications.listOf(caller.id, { limit, cursor })
      const applications = page.applications.map((one) => ({ ...one, description: one.description ?? '' }))
      return { applications, next: page.next ?? null }
    },
    {
      query: model.page(pageAtMost),
      response: { 200: described(model.applications, 'Your applications') },
      detail: says({
        summary: 'Your applications',
        description:
          'Those of every team that you are in, whichever part of the hub made them, in the order in which they were made.',
        errors: { invalid: { 'The limit makes no sense': `limit must be between 1 and ${pageAtMost}` } }
      })
    }
  )
