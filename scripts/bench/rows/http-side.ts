import { type HttpLoad, httpLoad } from '../load/http.ts'
import type { Side } from '../measure/row.ts'
import { cpuSeconds } from '../measure/usage.ts'
import type { Server } from '../servers/server.ts'
import type { Workplace } from '../workplace.ts'

const idleShare = 0.85

/** A side under HTTP load, warmed up: each round gives requests a second, CPU time of the server and of the load for one, and latencies. */
export async function httpSide(workplace: Workplace, server: Server, load: HttpLoad): Promise<Side> {
  const shares: { server: number; generator: number }[] = []

  async function measure() {
    const before = cpuSeconds(server.pid)
    const outcome = await httpLoad(workplace, load)
    const used = cpuSeconds(server.pid) - before
    const { answered, wrong, example, seconds, p50, p99 } = outcome
    if (wrong > 0 || answered === 0) throw new Error(`${wrong} wrong answers, ${answered} right ones; such as: ${example}`)
    shares.push({ server: used / seconds, generator: outcome.busy })
    const each = (cpu: number) => (cpu / answered) * 1e6
    return { rate: answered / seconds, cpu: each(used), load: each(outcome.busy * seconds), p50, p99 }
  }

  await measure()
  shares.length = 0
  return {
    measure,
    limit() {
      const [busiest] = shares.toSorted((a, b) => b.server - a.server)
      if (!busiest || busiest.server >= idleShare) return undefined
      const percent = (share: number) => `${Math.round(share * 100)} %`
      const who = busiest.generator >= idleShare ? 'the load generator' : 'the rest of the machine'
      return `the server was busy ${percent(busiest.server)} of the time, the load generator ${percent(busiest.generator)}: ${who} held it up`
    }
  }
}
