import type { Log } from '../../lib/log.ts'
import type { Blobs } from '../blobs/service.ts'
import type { Hubs } from './service.ts'

const looksEvery = 60_000
const lostAfter = 15 * 60_000
const failure = 'The hub that it ran at is gone'

/** How a run ends whose hub is gone. */
export type Lost = { failure: string; logSha256: string; logSize: number }

/** What is under way at hubs: which those are, and what is to be done where one of them is gone. */
type Work = { nodes(): Promise<string[]>; lose(node: string, lost: Lost): Promise<number> }

type Needs = { hubs: Pick<Hubs, 'nodes'>; hubId: string; blobs: Pick<Blobs, 'stage'>; log: Log; work: Work[] }

/**
 * Ends what is under way at hubs that are gone: that have not been heard of for a quarter of an hour, in which one that was
 * killed, or whose machine was started anew, is back and goes on with it. Any hub may do so, and several at once.
 */
export function createLostWork({ hubs, hubId, blobs, log, work }: Needs) {
  const silentSince = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<unknown> = Promise.resolve()

  /** Which hubs have work and are silent. Nobody is where it is not known who is there. */
  async function silent() {
    const at = new Set((await Promise.all(work.map(({ nodes }) => nodes()))).flat())
    const heard = hubs.nodes()
    return heard ? [...at].filter((node) => node !== hubId && !heard.has(node)) : []
  }

  async function lose(node: string) {
    const staged = await blobs.stage(lastLine(), Number.MAX_SAFE_INTEGER)
    try {
      await staged.keep()
    } finally {
      await staged.discard()
    }
    const lost = { failure, logSha256: staged.sha256, logSize: staged.size }
    for (const { lose: end } of work) {
      const count = await end(node, lost)
      if (count > 0) log.warn({ node, count }, 'a hub is gone; what was under way there has failed')
    }
  }

  /** Looks once; `now` in ms. */
  async function look(now = performance.now()) {
    const nodes = await silent().catch((error: unknown) => {
      silentSince.clear() // whoever cannot ask the database could not hear the others either
      throw error
    })
    for (const node of silentSince.keys()) if (!nodes.includes(node)) silentSince.delete(node)
    for (const node of nodes) {
      const since = silentSince.get(node) ?? now
      silentSince.set(node, since)
      if (now - since >= lostAfter) await lose(node)
    }
  }

  return {
    look,
    /** Looks every minute until stopped. */
    start() {
      timer = setInterval(() => {
        looking = look().catch((error: unknown) => log.error({ err: error }, 'looking for what hubs left behind failed'))
      }, looksEvery)
    },
    async stop() {
      clearInterval(timer)
      await looking
    }
  }
}

async function* lastLine() {
  yield Buffer.from(`Failed: ${failure}\n`)
}
