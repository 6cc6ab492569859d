import type { ErrorKind, HubError } from '../lib/errors.ts'

/** How one document says no: a status and a body for every kind, and its sentences where the error brings none. */
export type Dialect = {
  status: Record<ErrorKind, number>
  sentences: Record<ErrorKind, string>
  body(error: { message: string; reasons: readonly string[] }): object
  /** Statuses of single routes, by `METHOD /pattern`, that differ from the document's own. */
  exceptions?: Record<string, Partial<Record<ErrorKind, number>>>
}

const common: Record<ErrorKind, number> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  missing: 404,
  conflict: 409,
  tooLarge: 413,
  tooMany: 429,
  unavailable: 503,
  internal: 500
}

const sentences: Record<ErrorKind, string> = {
  invalid: '', // the first complaint says it
  unauthorized: 'Sign in first: send your token in the header access_token, or as Authorization: Bearer',
  forbidden: 'You may not do this',
  missing: 'Not found',
  conflict: 'Already there',
  tooLarge: 'Too large',
  tooMany: 'Too many attempts, try again later',
  unavailable: 'Not available at present',
  internal: 'Internal server error'
}

const messageOnly = ({ message }: { message: string }) => ({ message })

/** The ways of saying no of the five documents, and of the routes that are the hub's own. */
export const dialects = {
  desktop: { status: common, sentences, body: messageOnly },
  watch: {
    status: { ...common, conflict: 400 },
    sentences: { ...sentences, unauthorized: 'Invalid token' },
    body: messageOnly,
    exceptions: { 'POST /tasks/:id': { conflict: 409 } }
  },
  registry: { status: common, sentences, body: messageOnly },
  fleet: {
    status: { ...common, invalid: 422, conflict: 422 },
    sentences: { ...sentences, invalid: 'Validation failed' },
    body: ({ message, reasons }) => ({ error: message, reasons }),
    exceptions: { 'POST /:team/apps': { invalid: 404, conflict: 404 } }
  },
  admin: {
    status: { ...common, invalid: 422 },
    sentences: { ...sentences, unauthorized: 'Authentication required. Provide token via Authorization header' },
    body: ({ message }) => ({ success: false, message }),
    exceptions: { 'DELETE /api/v1/applications/:id/hard-delete': { conflict: 400 } }
  },
  hub: { status: common, sentences, body: messageOnly }
} as const satisfies Record<string, Dialect>

export type DialectName = keyof typeof dialects

const firstSegments: Record<string, DialectName> = {
  ...named('desktop', ['applications', 'builds', 'health']),
  ...named('watch', ['register', 'login', 'repos', 'tasks', 'files']),
  ...named('registry', ['v1']),
  ...named('admin', ['api']),
  ...named('hub', ['me', 'teams', 'downloads', 'events', 'metrics', 'swagger', 'mqtt'])
}

function named(name: DialectName, segments: string[]) {
  return Object.fromEntries(segments.map((segment) => [segment, name]))
}

/** The dialect of the document that a path is of; what no other document claims may be a team of the fleet. */
export const dialectOf = (path: string): Dialect => dialects[firstSegments[path.split('/')[1] ?? ''] ?? 'fleet']

/** The status and body of an error in a dialect; `route`: `METHOD /pattern`. */
export function sayNo(dialect: Dialect, route: string, { kind, message, reasons }: HubError) {
  const status = dialect.exceptions?.[route]?.[kind] ?? dialect.status[kind]
  return { status, body: dialect.body({ message: message || dialect.sentences[kind] || (reasons[0] ?? ''), reasons }) }
}
