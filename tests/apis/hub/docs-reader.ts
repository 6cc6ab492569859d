import type { TestHub } from '../../support/hub.ts'

export type SchemaObject = {
  type?: unknown
  format?: string
  description?: string
  properties?: Record<string, SchemaObject>
  items?: SchemaObject
  examples?: unknown[]
}
type Example = { summary?: string; value: Record<string, unknown> }
type Content = Record<string, { schema: SchemaObject; examples?: Record<string, Example> }>
type Parameter = { in: string; name: string; description?: string; required?: boolean; example?: unknown }
type Operation = {
  summary?: string
  description?: string
  operationId?: string
  tags?: string[]
  security?: unknown[]
  parameters: Parameter[]
  requestBody?: { content: Content }
  responses: Record<string, { description?: string; content?: Content }>
}
export type Document = {
  openapi: string
  security?: unknown
  tags: { name: string; description?: string }[]
  components: { securitySchemes: Record<string, unknown> }
  paths: Record<string, Record<string, Operation>>
}

/** The OpenAPI document that a hub serves. */
export const readDocument = async (t: Pick<TestHub, 'call'>) => (await t.call('GET /swagger/json')).body as Document

/** Every operation of a document, with its route: `METHOD /path/{name}`. */
export const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, ...operation }))
  )

/** Every answer of every operation, with its route and status. */
export const answersOf = (document: Document) =>
  operationsOf(document).flatMap(({ route, tags, responses }) =>
    Object.entries(responses).map(([status, answer]) => ({ route, tags, status: Number(status), ...answer }))
  )

/** The schemas of a body, with where each stands. */
export const contentOf = (where: string, content: Content = {}) =>
  Object.entries(content).map(([type, { schema }]) => ({ where: `${where} ${type}`, schema }))

/** The examples of an error. */
export const errorsIn = (content: Content = {}) =>
  Object.values(content['application/json']?.examples ?? {}).map(({ value }) => value)

/** What Swagger UI makes of a schema: its example, or one made of the examples of its parts. */
export function exampleOf({ examples, properties, items }: SchemaObject): unknown {
  if (examples) return examples[0]
  if (items) return [exampleOf(items)]
  if (!properties) return undefined
  return Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, exampleOf(part)]))
}

/** Every schema in a document, parts of schemas too. */
export function schemasOf(document: Document): SchemaObject[] {
  return operationsOf(document).flatMap(({ parameters, requestBody, responses }) => {
    const contents = [requestBody?.content, ...Object.values(responses).map(({ content }) => content)]
    const media = contents.flatMap((content) => Object.values(content ?? {}))
    return [...media, ...(parameters as { schema?: SchemaObject }[])].flatMap(({ schema }) => partsOf(schema))
  })
}

function partsOf(schema: SchemaObject | undefined): SchemaObject[] {
  if (!schema) return []
  return [schema, ...Object.values(schema.properties ?? {}).flatMap(partsOf), ...partsOf(schema.items)]
}

/** Every media type in a document. */
export const mediaTypesOf = (document: Document) =>
  new Set(
    operationsOf(document).flatMap(({ requestBody, responses }) =>
      [requestBody, ...Object.values(responses)].flatMap((part) => Object.keys(part?.content ?? {}))
    )
  )
