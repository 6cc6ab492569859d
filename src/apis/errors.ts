import { Elysia, ParseError, type TSchema, ValidationError } from 'elysia'
import type { Hub } from '../hub.ts'
import { HubError, invalid, missing } from '../lib/errors.ts'
import { asUnavailable } from '../lib/failures.ts'
import { newId } from '../lib/secrets.ts'
import { complaintsOf } from './complaints.ts'
import { dialectOf, sayNo } from './dialects.ts'

type Failure = { request: Request; error: unknown; path: string; route: string; hub: Hub }

/** Where an error in a route of Elysia's becomes an answer. */
export const errorAnswers = (hub: Hub) =>
  new Elysia({ name: 'errors' }).onError({ as: 'global' }, ({ request, error, code, path, route, set }) => {
    const response = errorAnswer({ request, error: code === 'NOT_FOUND' ? missing() : error, path, route, hub })
    set.status = response.status // what the request log reads
    return response
  })

/** The answer to a request that failed, in the dialect of its path; `route`: the pattern of its route. Counted, and logged where nobody foresaw it. */
export function errorAnswer({ request, error, path, route, hub }: Failure) {
  const dialect = dialectOf(path)
  const known = asHubError(error) ?? unexpected(error, request, hub)
  const { status, body } = sayNo(dialect, `${request.method} ${route}`, known)
  hub.metrics.refused('http', known.kind)
  const headers = new Headers({ 'x-request-id': requestId(request) })
  if (known.retryAfter !== undefined) headers.set('retry-after', String(known.retryAfter))
  if (status === 401) headers.set('www-authenticate', 'Bearer realm="updraft"')
  return Response.json(body, { status, headers })
}

function asHubError(error: unknown) {
  if (error instanceof HubError) return error
  if (error instanceof ParseError && error.cause instanceof HubError) return error.cause
  if (error instanceof ValidationError && error.type !== 'response') {
    const { validator } = error as { validator: TSchema | { schema: TSchema } }
    const schema: TSchema = 'schema' in validator ? validator.schema : validator
    return invalid('', complaintsOf(schema, error.all as Iterable<{ path: string; value: unknown }>))
  }
  return asUnavailable(error)
}

const ids = new WeakMap<Request, string>()

/** The id under which a request is logged and answered. */
export function requestId(request: Request) {
  const id = ids.get(request) ?? newId()
  ids.set(request, id)
  return id
}

/** What nobody foresaw is logged once, with the id that the answer carries, and told to nobody. */
function unexpected(error: unknown, request: Request, { log }: Hub) {
  if (request.signal.aborted) return invalid('The request was broken off')
  const cause = error instanceof ParseError ? error.cause : error
  log.error({ err: cause, requestId: requestId(request) }, 'unexpected error')
  return new HubError('internal')
}
