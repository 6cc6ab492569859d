/** Why the hub says no. Each document turns a kind into a status and a body of its own (apis/dialects.ts). */
export type ErrorKind =
  | 'invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'missing'
  | 'conflict'
  | 'tooLarge'
  | 'tooMany'
  | 'unavailable'
  | 'internal'

type Details = { reasons?: readonly string[]; retryAfter?: number }

/** The one error that callers are told of; without a message, the document's own sentence for its kind is used. */
export class HubError extends Error {
  override name = 'HubError'
  readonly kind: ErrorKind
  readonly reasons: readonly string[]
  /** Seconds after which another try may succeed. */
  readonly retryAfter: number | undefined

  constructor(kind: ErrorKind, message = '', { reasons = [], retryAfter }: Details = {}) {
    super(message)
    this.kind = kind
    this.reasons = reasons
    this.retryAfter = retryAfter
  }
}

/** Input that breaks a rule; `reasons` names every complaint. */
export const invalid = (message: string, reasons: readonly string[] = [message]) => new HubError('invalid', message, { reasons })
/** No credential, or one that does not hold; without a message, the document's own sentence. */
export const unauthorized = (message?: string) => new HubError('unauthorized', message)
/** Signed in, but not allowed. */
export const forbidden = (message?: string) => new HubError('forbidden', message)
/** Not there, or not there for this caller. */
export const missing = (message?: string) => new HubError('missing', message)
/** Already there. */
export const conflict = (message: string, reasons: readonly string[] = [message]) =>
  new HubError('conflict', message, { reasons })
/** More bytes than the limit. */
export const tooLarge = (message: string) => new HubError('tooLarge', message)
/** More requests than the limit; `retryAfter` in seconds. */
export const tooMany = (retryAfter: number) => new HubError('tooMany', 'Too many attempts, try again later', { retryAfter })
/** A part of the hub does not answer at present. */
export const unavailable = (message: string) => new HubError('unavailable', message)
