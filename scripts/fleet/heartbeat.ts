import { createHttpLink } from './http-link.ts'
import type { World } from './world.ts'

type Sender = { index: number; secret: string; runs: number | undefined }

/** Sends a heartbeat with a line of log, over a connection of its own as devices do; gives the answer, or undefined where it was refused. */
export async function sendHeartbeat({ index, secret, runs }: Sender, { setting, tally }: Pick<World, 'setting' | 'tally'>) {
  const link = createHttpLink(setting.http, index)
  const status = runs === undefined ? 'status=ready' : `status=running&deployment_id=${runs}`
  const ask = { method: 'PUT', path: `/devices/${secret}/heartbeat?${status}`, body: `up ${Math.round(performance.now())} ms\n` }
  try {
    const answer = await link.ask(ask)
    if (answer.status !== 200) throw new Error(`heartbeat: answered ${answer.status}`)
    tally.counts.answered += 1
    return answer.body.toString()
  } catch (error) {
    tally.counts.refused += 1
    tally.wrong(error instanceof Error ? error.message : String(error))
    return undefined
  } finally {
    link.close()
  }
}
