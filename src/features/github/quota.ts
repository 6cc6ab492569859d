import { LRUCache } from 'lru-cache'
import type { Clock } from '../../lib/clock.ts'

const second = 1000
const shortest = 60 * second
const longest = 24 * 60 * 60 * second
const credentialsAtMost = 1000

type Headers = Record<string, string | number | undefined>

/** Whether an answer says that there were too many requests, and not that this one is forbidden. */
export const isSpent = (status: number, headers: Headers, sentence: string) =>
  status === 429 ||
  (status === 403 &&
    (headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0' || /rate limit/i.test(sentence)))

/**
 * Until when GitHub wants to be left alone, by credential: `retry-after`, else `x-ratelimit-reset`, else a minute, and twice
 * as long each time that is not enough.
 */
export function createQuota(clock: Clock) {
  const quiet = new LRUCache<string, { until: number; times: number }>({ max: credentialsAtMost })

  function wanted(headers: Headers, times: number) {
    const now = clock.now().getTime()
    const after = Number(headers['retry-after'] ?? Number.NaN) * second
    const reset = headers['x-ratelimit-remaining'] === '0' ? Number(headers['x-ratelimit-reset']) * second - now : Number.NaN
    const wait = [after, reset].find((ms) => ms > 0) ?? shortest * 2 ** times
    return now + Math.min(wait, longest)
  }

  return {
    /** Until when a credential is not to be used; undefined where it may be. */
    quietUntil(credential: string) {
      const until = quiet.get(credential)?.until ?? 0
      return until > clock.now().getTime() ? new Date(until) : undefined
    },

    /** Notes that a credential's quota is spent; gives until when. */
    spent(credential: string, headers: Headers) {
      const times = quiet.get(credential)?.times ?? 0
      const until = wanted(headers, times)
      quiet.set(credential, { until, times: times + 1 })
      return new Date(until)
    },

    /** Notes an answer: one that was the last of its quota is not followed by another request in vain. */
    answered(credential: string, headers: Headers) {
      quiet.delete(credential)
      if (headers['x-ratelimit-remaining'] === '0' && Number(headers['x-ratelimit-reset']) > 0)
        quiet.set(credential, { until: wanted(headers, 0), times: 0 })
    }
  }
}
