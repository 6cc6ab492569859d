import type { DocumentDecoration, TSchema } from 'elysia'
import type { ErrorKind } from '../lib/errors.ts'

type Description = {
  summary: string
  description?: string
  /** The ways in which the route says no, each with when it does. The docs page adds status and body by document. */
  errors?: Partial<Record<ErrorKind, string>>
  /** A body that is not read by a schema: its media types, each with a schema. */
  takes?: Record<string, object>
  /** Answers that are not JSON, by status. */
  gives?: Record<string, { description: string; content?: Record<string, object>; headers?: Record<string, object> }>
  /** Parameters beside those that the route's schemas name. */
  parameters?: object[]
  /** False for a route that needs no credential although its neighbours do. */
  security?: Record<string, string[]>[]
}

/** Key under which a route's errors wait for the docs page to write them out. */
export const errorsKey = 'x-errors'

/** What a route says of itself, for the admin who reads it in Swagger UI. */
export function says({ summary, description, errors = {}, takes, gives, parameters, security }: Description): DocumentDecoration {
  const decoration = {
    summary,
    ...(description ? { description } : {}),
    ...(takes ? { requestBody: { required: true, content: contentOf(takes) } } : {}),
    ...(gives ? { responses: gives } : {}),
    ...(parameters ? { parameters } : {}),
    ...(security ? { security } : {}),
    [errorsKey]: errors
  }
  return decoration as DocumentDecoration
}

const contentOf = (types: Record<string, object>) =>
  Object.fromEntries(Object.entries(types).map(([type, schema]) => [type, { schema }]))

/** A header as OpenAPI describes it. */
export const header = (description: string, example: string) => ({ description, schema: { type: 'string' }, example })

/** A query parameter as OpenAPI describes it. */
export const inQuery = (name: string, description: string, example?: string) => ({
  in: 'query',
  name,
  description,
  schema: { type: 'string' },
  ...(example === undefined ? {} : { example })
})

/** A request header as an OpenAPI parameter. */
export const inHeader = (name: string, description: string, example: string) => ({
  in: 'header',
  name,
  description,
  schema: { type: 'string' },
  example
})

/** The schema of a response with a sentence for the reader. */
export const described = <S extends TSchema>(schema: S, description: string): S => ({ ...schema, description })
