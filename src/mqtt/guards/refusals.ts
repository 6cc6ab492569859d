import { type ErrorKind, HubError } from '../../lib/errors.ts'

/** Why a client is refused or cut off, as metrics name it. */
export type Reason =
  | 'malformed'
  | 'protocol_version'
  | 'not_offered'
  | 'too_large'
  | 'too_fast'
  | 'stalled'
  | 'sign_in_timeout'
  | 'unfinished_sign_ins'
  | 'connections'
  | 'connections_of_address'
  | 'identifier'
  | 'unexpected'

/** A client is cut off by a guard. `answer`: what it is sent before that. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly reason: Reason | ErrorKind
  readonly answer: Uint8Array | undefined

  constructor(reason: Reason | ErrorKind, message: string, answer?: Uint8Array) {
    super(message)
    this.reason = reason
    this.answer = answer
  }
}

// What Aedes 1.2 says where it cuts off a client by itself.
const reasonsOfAedes: Record<string, Reason> = {
  'Invalid protocol': 'malformed',
  'unacceptable protocol version': 'protocol_version',
  'identifier rejected': 'identifier'
}

/** Why a connection ended, where the hub refused something; undefined where it just broke, or went silent. */
export function reasonOf(error: Error): Reason | ErrorKind | undefined {
  if (error instanceof Refusal) return error.reason
  if (error instanceof HubError) return error.kind
  return reasonsOfAedes[error.message]
}
