import { isSpent } from './quota.ts'
import { Nonsense } from './transport.ts'

export type Headers = Record<string, string | number | undefined>

/**
 * Why GitHub could not be asked, or gave nothing. `token`: it does not accept the token; `refused`: the token, or nobody, may
 * not see it. `why` is for the log.
 */
export type Failure =
  | { kind: 'missing' | 'token' | 'refused' | 'nonsense' }
  | { kind: 'unreachable'; why: string }
  | { kind: 'quota'; until: Date }

/** What Octokit throws: `response` only where there was one. */
type Thrown = { status: number; message: string; response?: { headers: Headers }; cause?: unknown }

/** What an error of Octokit's means; the quota is told of the headers of every answer. */
export function failureOf(
  error: unknown,
  quota: { spent(headers: Headers): Date; answered(headers: Headers): void }
): Failure | { kind: 'unchanged' } {
  const { status, message, response } = error as Thrown
  if (!response) return isNonsense(error) ? { kind: 'nonsense' } : { kind: 'unreachable', why: whyOf(error) }
  if (isSpent(status, response.headers, message)) return { kind: 'quota', until: quota.spent(response.headers) }
  quota.answered(response.headers)
  return answered(status)
}

function answered(status: number): Failure | { kind: 'unchanged' } {
  if (status === 304) return { kind: 'unchanged' }
  if (status === 401) return { kind: 'token' }
  if (status === 403 || status === 451) return { kind: 'refused' }
  if (status === 404 || status === 410) return { kind: 'missing' }
  return { kind: 'unreachable', why: `status ${status}` }
}

/** A status that there is none of is a RangeError. */
const isNonsense = (error: unknown): boolean =>
  error instanceof Nonsense || error instanceof RangeError || (error instanceof Error && isNonsense(error.cause))

function whyOf(error: unknown): string {
  const { code, name = typeof error, cause } = error as { code?: unknown; name?: string; cause?: unknown }
  if (typeof code === 'string') return code
  return cause === undefined ? name : whyOf(cause)
}
