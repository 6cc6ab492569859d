import type { Ledger } from './crash/ledger.ts'
import { figureIn } from './metrics.ts'

const connections = 64

type Flood = { base: string; secrets: string[]; ledger: Ledger; name: string }

/** Devices, by their secrets, report as fast as the hub takes it, each heartbeat with a line of its own, until they are stopped. */
export function flood({ base, secrets, ledger, name }: Flood) {
  const stopped = new AbortController()

  async function report(connection: number) {
    for (let n = 0; !stopped.signal.aborted; n++) {
      const line = `${name}: line ${n} over ${connection}`
      const secret = secrets[(n + connection) % secrets.length]
      const url = `${base}/devices/${secret}/heartbeat?status=running`
      await ledger.entrust([line], async () => {
        const answer = await fetch(url, { method: 'PUT', body: line }).catch(() => undefined)
        await answer?.text().catch(() => '')
        if (!answer?.ok) stopped.abort() // it is gone
        return answer?.ok === true
      })
    }
  }

  const reporting = Promise.all(Array.from({ length: connections }, (_, connection) => report(connection)))
  return {
    /** Resolves once none of them reports any more. */
    async stop() {
      stopped.abort()
      await reporting
    }
  }
}

/** Whether a hub has a thread of its own for what devices report. */
export async function hasFoldThread(base: string) {
  const page = await (await fetch(`${base}/metrics`)).text()
  return figureIn(page, 'updraft_fold_thread') === 1
}
