import { type HttpLoad, httpLoad } from '../load/http.ts'
import type { Side } from '../measure/row.ts'
import { cpuSeconds } from '../measure/usage.ts'
import type { Server } from '../servers/server.ts'
import type { Workplace } from '../workplace.ts'

const idleShare = 0.85

/** A side under HTTP load, warmed up: each round gives requests a second, CPU time of the server for one, and latencies. */
export async function httpSide(workplace: Workplace, server: Server, load: HttpLoad): Promise<Side> {
  const shares: number[] = []

  async function measure() {
    const before = cpuSeconds(server.pid)
    const outcome = await httpLoad(workplace, load)
    const used = cpuSeconds(server.pid) - before
    const { answered, wrong, example, seconds, p50, p99 } = outcome
    if (wrong > 0 || answered === 0) throw new Error(`${wrong} wrong answers, ${answered} right ones; such as: ${example}`)
    shares.push(used / seconds)
    return { rate: answered / seconds, cpu: (used / answered) * 1e6, p50, p99, generator: outcome.busy }
  }

  await measure()
  shares.length = 0
  return {
    measure,
    limit() {
      const busiest = Math.max(...shares)
      if (busiest >= idleShare) return undefined
      return `the server was busy ${Math.round(busiest * 100)} % of the time: the load generator, or the rest of the machine, held it up`
    }
  }
}
