import { type ErrorKind, HubError } from '../../lib/errors.ts'
import { dialectOf, sayNo } from '../dialects.ts'
import { type Errors, header } from '../openapi.ts'

type Refusal = { kind: ErrorKind; when: string; status: number; body: object }

const fields: Record<string, object> = {
  message: { type: 'string', description: 'What is wrong' },
  error: { type: 'string', description: 'What is wrong' },
  reasons: { type: 'array', items: { type: 'string' }, description: 'Every complaint about the input; empty for other errors' },
  success: { type: 'boolean', enum: [false], description: 'Always false' }
}

const headers: Record<number, Record<string, object>> = {
  401: { 'WWW-Authenticate': header('How to sign in', 'Bearer realm="updraft"') },
  429: { 'Retry-After': header('Seconds until another try may succeed', '30') }
}

/** The errors of a route (`METHOD`, `/pattern`) by status, with the body of its document; each is an example of its own. */
export function errorAnswers(method: string, pattern: string, errors: Errors) {
  const refusals = refusalsOf(method, pattern, errors)
  const byStatus = Map.groupBy(refusals, ({ status }) => String(status))
  return Object.fromEntries([...byStatus].map(([status, alike]) => [status, answerOf(alike)]))
}

function refusalsOf(method: string, pattern: string, errors: Errors): Refusal[] {
  return Object.entries(errors).flatMap(([key, cases]) =>
    Object.entries(cases).map(([when, says]) => {
      const kind = key as ErrorKind
      const [message, ...complaints] = typeof says === 'string' ? [says] : says
      const reasons = complaints.length === 0 && (kind === 'invalid' || kind === 'conflict') ? [message] : complaints
      const error = new HubError(kind, message, { reasons })
      return { kind, when, ...sayNo(dialectOf(pattern), `${method} ${pattern}`, error) }
    })
  )
}

function answerOf(refusals: Refusal[]) {
  const [first] = refusals
  const names = Object.keys(first?.body ?? {})
  const properties = Object.fromEntries(names.map((name) => [name, fields[name] ?? {}]))
  const examples = Object.fromEntries(
    refusals.map(({ kind, when, body }, n) => [
      n === 0 ? kind : `${kind}${n + 1}`,
      { summary: when.replaceAll('`', ''), value: body }
    ])
  )
  return {
    description: refusals.length === 1 ? first?.when : refusals.map(({ when }) => `- ${when}`).join('\n'),
    ...(first && headers[first.status] ? { headers: headers[first.status] } : {}),
    content: { 'application/json': { schema: { type: 'object', required: names, properties }, examples } }
  }
}
