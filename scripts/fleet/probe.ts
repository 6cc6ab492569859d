import type { Address } from './address.ts'
import { createHttpLink } from './http-link.ts'
import { now } from './tally.ts'

const every = 50

export type Delays = { p50: number; p99: number; worst: number; failed: number; own: number }
export type Probe = ReturnType<typeof startProbe>

/** Asks the hub for its health every 50 ms: what its event loop is late by, as seen from outside. All in ms. */
export function startProbe(address: Address) {
  let link = createHttpLink(address)
  let delays: number[] = []
  let failed = 0
  let own = 0
  let asking = false
  let due = now() + every

  const timer = setInterval(() => {
    const at = now()
    own = Math.max(own, at - due)
    due = at + every
    if (!asking) void ask(at) // one that is late is late by all of that
  }, every)

  async function ask(at: number) {
    asking = true
    try {
      const { status } = await link.ask({ method: 'GET', path: '/health' })
      if (status !== 200) failed += 1
    } catch {
      failed += 1
      link = createHttpLink(address)
    }
    delays.push(now() - at)
    asking = false
  }

  return {
    /** The delays since this was last asked. `own`: how late the probe itself was at most. */
    delays(): Delays {
      const [p50, p99, worst] = percentiles(delays, [0.5, 0.99, 1])
      const figures = { p50: p50 ?? 0, p99: p99 ?? 0, worst: worst ?? 0, failed, own }
      delays = []
      failed = 0
      own = 0
      return figures
    },
    stop() {
      clearInterval(timer)
      link.close()
    }
  }
}

/** The values below which these shares of all lie; undefined where there are none. */
export function percentiles(values: readonly number[], shares: number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  return shares.map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)])
}
