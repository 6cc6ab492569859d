import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { tooMany } from '../../lib/errors.ts'
import { networkOf } from '../../lib/networks.ts'

/** How many tries each action has in how many seconds, by address or by account. */
export const defaultLimits = {
  signInByAddress: { points: 60, duration: 900 },
  signInByAccount: { points: 20, duration: 900 },
  registration: { points: 60, duration: 600 },
  deviceSecret: { points: 120, duration: 60 },
  apiKey: { points: 120, duration: 60 },
  githubRequest: { points: 1000, duration: 3600 },
  anonymous: { points: 60, duration: 600 }
}

/** Those that are to be others. */
export type Limits = Partial<typeof defaultLimits>
export type RateLimits = ReturnType<typeof createRateLimits>

/** Counts tries in memory; each way out is a 429 with `Retry-After`. */
export function createRateLimits(limits: Limits = {}) {
  const limiter = (name: keyof Limits) => new RateLimiterMemory({ keyPrefix: name, ...defaultLimits[name], ...limits[name] })
  const signInByAddress = limiter('signInByAddress')
  const signInByAccount = limiter('signInByAccount')
  const registration = limiter('registration')
  const deviceSecret = limiter('deviceSecret')
  const apiKey = limiter('apiKey')
  const githubRequest = limiter('githubRequest')
  const anonymous = limiter('anonymous')

  return {
    /** Counts one registration from an address; throws `tooMany` past the limit. */
    registration: (address: string) => consume(registration, networkOf(address)),

    /** Throws `tooMany` when the address, or the account where it is known, has failed too often to try again. */
    async beforeSignIn(address: string, account?: string) {
      await refuseIfSpent(signInByAddress, networkOf(address))
      if (account !== undefined) await refuseIfSpent(signInByAccount, account)
    },

    /** Counts one failed sign-in against both. */
    async failedSignIn(address: string, account?: string) {
      const byAccount = account === undefined ? [] : [consume(signInByAccount, account)]
      await Promise.allSettled([consume(signInByAddress, networkOf(address)), ...byAccount])
    },

    /** Counts one unknown device secret; throws `tooMany` past the limit. A right secret is never held up. */
    wrongDeviceSecret: (address: string) => consume(deviceSecret, networkOf(address)),

    /** Counts one unknown API key; throws `tooMany` past the limit. A right key is never held up. */
    wrongApiKey: (address: string) => consume(apiKey, networkOf(address)),

    /** Counts requests to GitHub for an account at the cost of the hub's own quota; throws `tooMany` past the limit. */
    githubRequests: (account: string, count: number) => consume(githubRequest, account, count),

    /** Counts one thing made by nobody in particular; throws `tooMany` past the limit. */
    anonymous: (address: string) => consume(anonymous, networkOf(address))
  }
}

async function consume(limiter: RateLimiterMemory, key: string, points = 1) {
  try {
    await limiter.consume(key, points)
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) throw tooMany(Math.ceil(refusal.msBeforeNext / 1000))
    throw refusal
  }
}

async function refuseIfSpent(limiter: RateLimiterMemory, key: string) {
  const state = await limiter.get(key)
  if (state && state.remainingPoints <= 0) throw tooMany(Math.ceil(state.msBeforeNext / 1000))
}
