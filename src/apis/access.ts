import { Elysia } from 'elysia'
import type { Hub } from '../hub.ts'
import { largeBody, readFields } from './fields.ts'

/** What Swagger UI's "Authorize" asks for on routes that need a signed-in user. */
export const userSecurity = [{ access_token: [] }, { bearer: [] }]

/** The same on routes for programs, which have the API key of their application. */
export const keySecurity = [{ api_key: [] }]

/** The same on routes that also take the caller's token for GitHub. */
export const githubSecurity = [{ access_token: [], github: [] }, ...userSecurity]

const known = new WeakMap<Request, ReturnType<Hub['accounts']['callerOf']>>()

/** The user who sent a request, found out once a request. Throws `unauthorized`. */
export function callerOf(hub: Hub, request: Request) {
  const found = known.get(request) ?? hub.accounts.callerOf(tokenOf(request.headers))
  known.set(request, found)
  return found
}

/** The access token of a request: `access_token: <jwt>`, or else `Authorization: Bearer <jwt>`. */
const tokenOf = (headers: Headers) => headers.get('access_token') ?? bearerOf(headers)

/** The token that a request bears as `Authorization: Bearer <token>`. */
export const bearerOf = (headers: Headers) => headers.get('authorization')?.match(/^bearer +(\S+)$/i)?.[1]

/**
 * Routes for signed-in users: gives `caller`. Bodies are read by `parse: 'fields'`, or by `parse: 'largeFields'` up to 1 MiB,
 * after who is asking is known.
 */
export const signedIn = (hub: Hub) =>
  new Elysia({ name: 'signed-in' })
    .parser('fields', async ({ request }) => {
      await callerOf(hub, request)
      return readFields(request)
    })
    .parser('largeFields', async ({ request }) => {
      await callerOf(hub, request)
      return readFields(request, largeBody)
    })
    .derive({ as: 'scoped' }, async ({ request }) => ({ caller: await callerOf(hub, request) }))

/** Routes for anybody, with bodies read by `parse: 'openFields'`. */
export const open = () => new Elysia({ name: 'open' }).parser('openFields', ({ request }) => readFields(request))

export type Asked = { request: Request; server: { requestIP(request: Request): { address: string } | null } | null }

/** The network address that a request came from. */
export const addressOf = ({ request, server }: Asked) => server?.requestIP(request)?.address ?? 'unknown'

/** Gives `address`, as `addressOf` has it. */
export const addressed = () =>
  new Elysia({ name: 'addressed' }).derive({ as: 'scoped' }, ({ request, server }) => ({
    address: addressOf({ request, server })
  }))

/** The application whose API key came with a request, as `X-API-Key`. Throws `unauthorized` and `forbidden`. */
export const applicationOf = (hub: Hub, asked: Asked) =>
  hub.keys.applicationOf(asked.request.headers.get('x-api-key') ?? undefined, addressOf(asked))

/** Routes for programs: gives `application`, as `applicationOf` has it. */
export const keyed = (hub: Hub) =>
  new Elysia({ name: 'keyed' }).derive({ as: 'scoped' }, async ({ request, server }) => ({
    application: await applicationOf(hub, { request, server })
  }))
