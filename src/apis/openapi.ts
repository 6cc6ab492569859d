import type { DocumentDecoration, TSchema } from 'elysia'
import type { ErrorKind } from '../lib/errors.ts'

/** What a route answers when it says no: its sentence ('' for the document's own), and its complaints where there are others. */
type Says = string | readonly [message: string, ...reasons: string[]]

/** The ways in which a route says no: for every kind, when it does, and what it then says. */
export type Errors = Partial<Record<ErrorKind, Record<string, Says>>>

type Description = {
  summary: string
  /** Where the path does not make a good one. */
  operationId?: string
  description?: string
  /** The docs page adds status and body by document, and what every route for signed-in users says without a token. */
  errors?: Errors
  /** A body that is not read by a schema: its media types, each with a schema. */
  takes?: Record<string, object>
  /** False where the body may be left out. */
  needsBody?: boolean
  /** Answers that are not JSON, by status. */
  gives?: Record<string, { description: string; content?: Record<string, object>; headers?: Record<string, object> }>
  /** What "Authorize" asks for, where it is not what the other routes of the file need. */
  security?: Record<string, string[]>[]
  /** Parameters beside those that the route's schemas name. */
  parameters?: object[]
}

/** Key under which a route's errors wait for the docs page to write them out. */
export const errorsKey = 'x-errors'

/** What a route says of itself, for the admin who reads it in Swagger UI. */
export function says({ errors = {}, takes, needsBody = true, gives, ...plain }: Description): DocumentDecoration {
  const decoration = {
    ...plain,
    ...(takes ? { requestBody: { required: needsBody, content: contentOf(takes) } } : {}),
    ...(gives ? { responses: gives } : {}),
    [errorsKey]: errors
  }
  return decoration as DocumentDecoration
}

const contentOf = (types: Record<string, object>) =>
  Object.fromEntries(Object.entries(types).map(([type, schema]) => [type, { schema }]))

/** A header as OpenAPI describes it. */
export const header = (description: string, example: string) => ({ description, schema: { type: 'string' }, example })

/** An optional query parameter as OpenAPI describes it. Swagger UI sends no value that it was not given. */
export const inQuery = (name: string, description: string, schema: object = { type: 'string' }) => ({
  in: 'query',
  name,
  description,
  schema
})

/** An optional request header as an OpenAPI parameter. */
export const inHeader = (name: string, description: string) => ({ ...inQuery(name, description), in: 'header' })

/** A schema with a sentence for the reader, and an example of its own. */
export const described = <S extends TSchema>(schema: S, description: string, example?: unknown): S => ({
  ...schema,
  description,
  ...(example === undefined ? {} : { examples: [example] })
})

/** How the routes that take or give stored bytes say no where the store is away. */
export const storeErrors = { unavailable: { 'The store of bytes is away': 'The store of bytes does not answer' } }

const mayRead = {
  forbidden: { 'You are not a member of the team': 'You are not a member of this team' },
  missing: { 'No such team': 'Team not found' }
}

/** How the routes of a team say no to those who may not read in it, work in it, or decide who is in it. */
export const teamErrors = {
  read: mayRead,
  write: {
    ...mayRead,
    forbidden: { ...mayRead.forbidden, 'You are only its viewer': 'As viewer of this team you may not do this' }
  },
  own: { ...mayRead, forbidden: { ...mayRead.forbidden, 'You are not its owner': 'As member of this team you may not do this' } }
}
