import { setTimeout as after } from 'node:timers/promises'
import type { Client } from 'aedes'
import { insideOf } from './guards/aedes.ts'

const step = 100 // ms
const noticing = { share: 4, atMost: 3000 }

/**
 * Lets clients go over `ms`, some at a time, so that the others take them in one after the other. It begins a little later:
 * until a load balancer has noticed, who goes would come back here. Nobody's will is published: it is the hub that goes.
 */
export async function letGo(clients: () => Iterable<Client>, ms: number, hurry: AbortSignal) {
  const endsAt = performance.now() + ms
  await pause(Math.min(ms / noticing.share, noticing.atMost), hurry)
  while (performance.now() < endsAt && !hurry.aborted) {
    const here = [...clients()]
    const steps = Math.max(1, Math.floor((endsAt - performance.now()) / step))
    for (const client of here.slice(0, Math.ceil(here.length / steps))) {
      insideOf(client).will = null
      client.close()
    }
    await pause(Math.min(step, endsAt - performance.now()), hurry)
  }
}

const pause = (ms: number, hurry: AbortSignal) => after(Math.max(0, ms), undefined, { signal: hurry }).catch(() => {})
