import { bareHttp } from './bare-http.ts'
import type { Board, Link } from './board.ts'
import { ensure, type Journal } from './journal.ts'

const pollInterval = 100
const partSize = 4096

export type HttpDevice = ReturnType<typeof createHttpDevice>

/** A device that knows nothing but HTTP/1.0: it asks by heartbeat and downloads by ranges. */
export function createHttpDevice({
  board,
  journal,
  port,
  secret
}: {
  board: Board
  journal: Journal
  port: number
  secret: string
}) {
  const answers: string[] = []
  let lines = ['booted']
  let status: 'ready' | 'running' = 'ready'
  const switchedOff = new AbortController()
  let held: string | undefined
  let loop = Promise.resolve()

  async function heartbeat() {
    const sent = lines
    lines = []
    const path = `/devices/${secret}/heartbeat?status=${status}`
    const answer = await bareHttp(port, { method: 'PUT', path, body: sent.map((line) => `${line}\n`).join('') })
    const text = answer.body.toString()
    ensure(answer.status === 200 && /^(\d+|X|R)$/.test(text), `a heartbeat of ${board.name} got ${answer.status} ${text}`)
    return text
  }

  const link: Link = {
    async download(id) {
      const parts: Buffer[] = []
      let size = Number.POSITIVE_INFINITY
      for (let start = 0; start < size; start += partSize) {
        // The last of these ranges ends past the last byte: the firmware does not know the size before it asks.
        const range = `bytes=${start}-${start + partSize - 1}`
        const path = `/devices/${secret}/image?deployment_id=${id}`
        const { status, headers, body } = await bareHttp(port, { method: 'GET', path, headers: { range } })
        const [, from, to, of] =
          headers
            .get('content-range')
            ?.match(/^bytes (\d+)-(\d+)\/(\d+)$/)
            ?.map(Number) ?? []
        size = of ?? 0
        const end = Math.min(start + partSize, size)
        const fits = status === 206 && from === start && to === end - 1 && body.length === end - start
        ensure(fits, `${board.name} asked for ${range} and got ${status}, ${headers.get('content-range')}`)
        parts.push(body)
      }
      return { bytes: Buffer.concat(parts), how: `in ${parts.length} ranges` }
    },
    async reportRunning(id) {
      status = 'running'
      lines.push(`runs deployment ${id}`)
      held = await heartbeat() // obeyed in its turn, after this deployment is done with
    }
  }

  /** Does what a heartbeat was answered: `R` relaunch, a number the deployment to run, `X` nothing. */
  async function obey(answer: string) {
    answers.push(answer)
    journal.wake()
    if (answer === 'R') {
      lines.push('relaunched')
      return board.relaunch('R')
    }
    const id = Number(answer)
    if (answer !== 'X' && board.told().at(-1)?.id !== id) await board.install({ id }, link)
  }

  async function poll() {
    while (!switchedOff.signal.aborted) {
      const answer = held ?? (await heartbeat())
      held = undefined
      await obey(answer)
      await Bun.sleep(pollInterval)
    }
  }

  return {
    ...board,
    /** Begins to send heartbeats. */
    start() {
      board.event('begins its heartbeats')
      loop = poll().catch(journal.fail)
    },

    /** Waits for the answer to a heartbeat that begins later than now, and gives it. */
    async nextAnswer() {
      const enough = answers.length + 2 // the first may be under way already
      await journal.until(`a heartbeat of ${board.name}`, () => answers.length >= enough)
      return answers[enough - 1]
    },

    /** Ends the heartbeats. */
    async stop() {
      switchedOff.abort()
      await loop
    }
  }
}
