import { type Errors, errorsKey } from '../openapi.ts'
import { errorAnswers } from './docs-errors.ts'
import { readable } from './docs-schemas.ts'

type Content = Record<string, { schema?: unknown }>
type Answer = { description?: string; content?: Content; headers?: object }
type Parameter = { in: string; name: string; schema?: unknown; description?: string; examples?: unknown; required?: boolean }
type Operation = {
  operationId?: string
  parameters?: Parameter[]
  requestBody?: { content: Content; required?: boolean }
  responses?: Record<string, Answer>
  security?: unknown[]
  [errorsKey]?: Errors
}
export type OpenApi = { openapi: string; paths: Record<string, Record<string, Operation>> }

/** What the parts of a path are, with what the examples of the bodies make. */
const pathParameters: Record<string, [description: string, example: string]> = {
  team: ['Your username, or a team that you are in', 'ada'],
  name: ['Name of the device', 'lamp'],
  app: ['Name of the application', 'blinker'],
  username: ['Username of the member', 'grace'],
  id: ['Id of the user, as listed', '0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c'],
  build_id: ['Id of the build, as listed', '0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c'],
  secret: ['Secret of the device: 40 hex digits', '3f786850e387550fdab836ed7e6dc881de23001b'],
  userId: ['Id of the user to be, or not to be, a maintainer', '0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c'],
  version: ['A version, as listed', '1.3.1']
}

/** Where they are something else, by how the path begins. */
const elsewhere: [start: string, name: string, description: string, example: string][] = [
  ['/teams/', 'team', 'Name of the team', 'acme'],
  ['/applications/', 'id', 'Id of the application, as listed', '550e8400-e29b-41d4-a716-446655440000'],
  ['/downloads/', 'id', 'Id of the build', '0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c'],
  ['/downloads/', 'name', 'Name of the application in addresses, `_` and the version', 'my-application_1.2.0'],
  ['/api/v1/applications/', 'id', 'Id of the application, as listed', '550e8400-e29b-41d4-a716-446655440000'],
  ['/repos/', 'id', 'Id of the repo, as listed', '642dc37cc80eb6212d262d78'],
  ['/tasks/', 'id', 'Id of the task', '642d8aec812bbf22039fb162'],
  ['/{team}/apps/', 'id', 'Id of the build', '1'],
  ['/v1/users/', 'name', 'Name of the key', 'laptop'],
  ['/v1/packages/', 'id', 'Id of the package', '0199a2c9-1b7a-7f10-8a51-2d90c1f35e77'],
  ['/v1/archives/', 'id', 'Id of the recipe that it belongs to', '0199a2ca-55c0-7b0e-9d3f-61c2a7e4b810']
]

function describePath(path: string, name: string) {
  const [, , ...other] = elsewhere.find(([start, other]) => path.startsWith(start) && other === name) ?? []
  const [description = '', example = ''] = other.length > 0 ? other : (pathParameters[name] ?? [])
  return { description, example }
}

const statusTexts: Record<string, string> = { '200': 'Done', '201': 'Created', '202': 'Queued', '204': 'Done' }

const noToken: Errors = { unauthorized: { 'No access token, or one that no longer holds': '' } }
const fieldsTooLarge: Errors = { tooLarge: { 'The body has more than 64 KiB': 'The body may have at most 65536 bytes' } }

/**
 * Finishes the plugin's document: bodies as they are really read, answers by media type, and every error of every route
 * with the status and body of its document. It becomes OpenAPI 3.1, whose schemas are JSON Schema as the routes have it.
 */
export function writeOut(document: OpenApi): OpenApi {
  const paths = Object.entries(document.paths).map(([path, operations]) => {
    const written = Object.entries(operations).map(([method, operation]) => [method, finish(method, path, operation)])
    return [path, Object.fromEntries(written)]
  })
  return { ...document, openapi: '3.1.0', paths: Object.fromEntries(paths) }
}

function finish(method: string, path: string, { [errorsKey]: errors = {}, ...operation }: Operation): Operation {
  const { parameters = [], requestBody, responses = {}, security } = operation
  const answers = Object.entries(responses).map(([status, answer]) => [status, finishAnswer(status, answer)])
  const byFields = requestBody !== undefined && isParsed(requestBody.content)
  const all = { ...(security ? noToken : {}), ...(byFields ? fieldsTooLarge : {}), ...errors }
  return {
    ...operation,
    ...(operation.operationId ? { operationId: inCamelCase(operation.operationId) } : {}),
    parameters: parameters.map((parameter) => finishParameter(path, parameter)),
    ...(requestBody ? { requestBody: { ...requestBody, content: finishBody(requestBody.content) } } : {}),
    responses: {
      ...Object.fromEntries(answers),
      ...errorAnswers(method.toUpperCase(), path.replaceAll(/\{(\w+)\}/g, ':$1'), all)
    }
  }
}

/** The plugin makes ids of paths, and leaves the hyphens in. */
const inCamelCase = (id: string) => id.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

function finishParameter(path: string, { examples, ...parameter }: Parameter) {
  const [example] = Array.isArray(examples) ? examples : []
  const finished = { ...parameter, schema: readable(parameter.schema), ...(example === undefined ? {} : { example }) }
  if (parameter.in !== 'path') return finished
  return { ...finished, ...describePath(path, parameter.name) }
}

function finishAnswer(status: string, { description = statusTexts[status] ?? status, headers, content }: Answer): Answer {
  return {
    description,
    ...(headers ? { headers } : {}),
    ...(content ? { content: finishAnswerContent(content) } : {})
  }
}

/** The plugin lists what has a schema of the route as JSON, a form and text. What the route describes itself is never JSON alone. */
const isParsed = (content: Content) => 'application/json' in content && 'multipart/form-data' in content

/** What is read by a schema comes as JSON or as a form. */
const finishBody = (content: Content) =>
  contentAs(isParsed(content) ? ['application/json', 'application/x-www-form-urlencoded'] : Object.keys(content), content)

const finishAnswerContent = (content: Content) =>
  contentAs(isParsed(content) ? ['application/json'] : Object.keys(content), content)

function contentAs(types: string[], content: Content): Content {
  const [first] = Object.values(content)
  return Object.fromEntries(types.map((type) => [type, { schema: readable((content[type] ?? first)?.schema) }]))
}
