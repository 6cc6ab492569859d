import { forbidden, HubError, invalid, unavailable } from '../../lib/errors.ts'
import type { Failure } from '../github/failures.ts'

const sentences = {
  missing: 'No releases found for this repo',
  token: 'GitHub does not accept the access token',
  refused: 'GitHub refuses access to this repo',
  unreachable: 'GitHub does not answer',
  nonsense: 'GitHub gave an answer that makes no sense'
}

/** What a watcher is told of a failure. */
export const reasonOf = (failure: Failure) =>
  failure.kind === 'quota' ? `GitHub answers no more requests until ${failure.until.toISOString()}` : sentences[failure.kind]

/** A failure as an error. `token`: whether GitHub was asked with the caller's own. */
export function errorOf(failure: Failure, { token, now }: { token: string | undefined; now: Date }): HubError {
  const reason = reasonOf(failure)
  if (failure.kind === 'missing') return invalid(reason)
  if (failure.kind === 'refused') return forbidden(reason)
  if (failure.kind === 'token' && token !== undefined) return invalid(reason)
  if (failure.kind !== 'quota') return unavailable(reason)
  const retryAfter = Math.max(1, Math.ceil((failure.until.getTime() - now.getTime()) / 1000))
  return new HubError('unavailable', reason, { retryAfter })
}
