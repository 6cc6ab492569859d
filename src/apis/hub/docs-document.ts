import { type ErrorKind, HubError } from '../../lib/errors.ts'
import { dialectOf, sayNo } from '../dialects.ts'
import { errorsKey } from '../openapi.ts'

type Content = Record<string, { schema?: unknown; example?: unknown }>
type Answer = { description?: string; content?: Content; headers?: object }
type Operation = {
  parameters?: { in: string; name: string; description?: string; example?: string; required?: boolean; schema?: object }[]
  requestBody?: { content: Content; required?: boolean }
  responses?: Record<string, Answer>
  security?: unknown[]
  [errorsKey]?: Partial<Record<ErrorKind, string>>
}
export type OpenApi = { openapi: string; paths: Record<string, Record<string, Operation>> }

/** What the parts of a path are, for the reader, with something to try. */
const pathParameters: Record<string, [description: string, example: string]> = {
  team: ['Your username, or a team that you are in', 'ada'],
  name: ['Name of the device', 'lamp'],
  app: ['Name of the application', 'blinker'],
  username: ['Username of the member', 'grace'],
  secret: ['Device secret: 40 hex digits', '0000000000000000000000000000000000000000']
}

const statusTexts: Record<string, string> = { '200': 'Done', '201': 'Created' }

/**
 * Finishes the plugin's document: bodies as they are really read, answers by media type, and every error of every route
 * with the status and body of its document. It becomes OpenAPI 3.1, whose schemas are JSON Schema as the routes have it.
 */
export function writeOut(document: OpenApi): OpenApi {
  const paths = Object.entries(document.paths).map(([path, operations]) => {
    const written = Object.entries(operations).map(([method, operation]) => [method, finish(method, path, operation)])
    return [path, Object.fromEntries(written)]
  })
  return withoutHints({ ...document, openapi: '3.1.0', paths: Object.fromEntries(paths) }) as OpenApi
}

function finish(method: string, path: string, { [errorsKey]: errors = {}, ...operation }: Operation): Operation {
  const answers = Object.entries(operation.responses ?? {}).map(([status, answer]) => [status, finishAnswer(status, answer)])
  return {
    ...operation,
    ...(operation.parameters ? { parameters: operation.parameters.map(finishParameter) } : {}),
    ...(operation.requestBody ? { requestBody: finishBody(operation.requestBody) } : {}),
    responses: {
      ...Object.fromEntries(answers),
      ...errorAnswers(method, path, operation.security ? { unauthorized: 'No token, or not a good one', ...errors } : errors)
    }
  }
}

function finishParameter(parameter: NonNullable<Operation['parameters']>[number]) {
  const [description, example] = (parameter.in === 'path' && pathParameters[parameter.name]) || []
  return description && example ? { ...parameter, description, example, required: true } : parameter
}

/** Bodies read by a named parser come as JSON or as a form; the plugin lists the parser's name as their media type. */
function finishBody(body: NonNullable<Operation['requestBody']>) {
  const schema = (body.content.fields ?? body.content.openFields)?.schema ?? body.content['application/json']?.schema
  if (schema === undefined) return body
  return { ...body, content: { 'application/json': { schema }, 'application/x-www-form-urlencoded': { schema } } }
}

function finishAnswer(status: string, answer: Answer): Answer {
  const first = Object.values(answer.content ?? {})[0]
  const byParser =
    answer.content && !Object.keys(answer.content).every((type) => type.includes('/') && type !== 'multipart/form-data')
  return {
    ...answer,
    description: answer.description ?? statusTexts[status] ?? status,
    ...(byParser && first ? { content: { 'application/json': first } } : {})
  }
}

/** The errors of a route by status; several of one status are several examples of one answer. */
function errorAnswers(method: string, path: string, errors: Partial<Record<ErrorKind, string>>) {
  const pattern = path.replaceAll(/\{(\w+)\}/g, ':$1')
  const byStatus = new Map<number, [ErrorKind, string, object][]>()
  for (const [kind, when] of Object.entries(errors) as [ErrorKind, string][]) {
    const { status, body } = sayNo(dialectOf(pattern), `${method.toUpperCase()} ${pattern}`, exampleOf(kind, when))
    byStatus.set(status, [...(byStatus.get(status) ?? []), [kind, when, body]])
  }
  return Object.fromEntries(
    [...byStatus].map(([status, cases]) => {
      const examples = Object.fromEntries(cases.map(([kind, when, value]) => [kind, { summary: when, value }]))
      const description = cases.map(([, when]) => when).join('; ')
      return [String(status), { description, content: { 'application/json': { schema: { type: 'object' }, examples } } }]
    })
  )
}

const exampleOf = (kind: ErrorKind, when: string) =>
  new HubError(kind, kind === 'unauthorized' || kind === 'internal' ? '' : when, {
    reasons: kind === 'invalid' || kind === 'conflict' ? [when] : []
  })

/** Takes out what only the hub reads of a schema: the sentences in `title` and `error`, and `nullable`, which 3.1 has no more. */
function withoutHints(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutHints(item))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([name, hint]) => key === 'properties' || key === 'info' || !isHint(name, hint))
  return Object.fromEntries(entries.map(([name, item]) => [name, withoutHints(item, name)]))
}

const isHint = (name: string, hint: unknown) =>
  (name === 'title' || name === 'error' || name === 'nullable') && typeof hint !== 'object'
