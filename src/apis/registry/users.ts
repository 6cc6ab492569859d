import { Elysia } from 'elysia'
import type { CliKey } from '../../features/accounts/cli-keys.ts'
import type { Hub } from '../../hub.ts'
import { forbidden } from '../../lib/errors.ts'
import { open, signedIn, userSecurity } from '../access.ts'
import { described, says } from '../openapi.ts'
import * as model from './model.ts'

const notOwn = 'These are the keys of another user'
const ownOnly = { forbidden: { 'The id is not yours': notOwn } }

const shown = (keys: CliKey[]) => ({ cliKeys: keys.map(({ name, extract }) => ({ name, key: extract })) })

function requireOwn(caller: { id: string }, id: string) {
  if (caller.id !== id) throw forbidden(notOwn)
}

/** `/v1/users/{id}`: who somebody is, and their CLI keys. */
export const userRoutes = (hub: Hub) => new Elysia({ tags: ['registry: users'] }).use(profileRoute(hub)).use(keyRoutes(hub))

const profileRoute = (hub: Hub) =>
  new Elysia().use(open()).get('/v1/users/:id', ({ params }) => hub.accounts.profile(params.id), {
    response: { 200: described(model.user, 'The user') },
    detail: says({
      summary: 'Who a user is',
      description: 'For anybody: what others may see of a user. Your own id is in `GET /me`.',
      errors: { missing: { 'No such user': 'User not found' } }
    })
  })

const keyRoutes = (hub: Hub) =>
  new Elysia({ detail: { security: userSecurity } })
    .use(signedIn(hub))
    .post(
      '/v1/users/:id/cli-keys',
      async ({ params, body: { name }, caller, set }) => {
        requireOwn(caller, params.id)
        const key = await hub.cliKeys.create(caller, name)
        set.status = 201
        return { name, key }
      },
      {
        parse: 'fields',
        body: model.newKey,
        response: { 201: described(model.madeKey, 'The key is made. Keep it in a safe place: it is not shown again') },
        detail: says({
          summary: 'Make a CLI key',
          operationId: 'postUsersByIdKeys',
          description:
            'For programs that work for you: sent as an access token is, it may do all that you may, and has no end until you delete it.',
          errors: {
            ...ownOnly,
            invalid: { 'The name is missing or wrong': 'name is required' },
            conflict: { 'Another key of yours has the name': 'CLI key already exists' }
          }
        })
      }
    )
    .get(
      '/v1/users/:id/cli-keys',
      async ({ params, caller }) => {
        requireOwn(caller, params.id)
        return shown(await hub.cliKeys.list(caller.id))
      },
      {
        response: { 200: described(model.keys, 'Your keys') },
        detail: says({
          operationId: 'getUsersByIdKeys',
          summary: 'Your CLI keys',
          description: 'Of each key only an extract is shown.',
          errors: ownOnly
        })
      }
    )
    .delete(
      '/v1/users/:id/cli-keys/:name',
      async ({ params, caller }) => {
        requireOwn(caller, params.id)
        await hub.cliKeys.remove(caller, params.name)
        return shown(await hub.cliKeys.list(caller.id))
      },
      {
        response: { 200: described(model.keys, 'The keys that remain') },
        detail: says({
          summary: 'Delete a CLI key',
          operationId: 'deleteUsersByIdKeysByName',
          description: 'It is refused from now on, and what is connected with it over MQTT is cut off.',
          errors: { ...ownOnly, missing: { 'You have no key of that name': 'CLI key not found' } }
        })
      }
    )
