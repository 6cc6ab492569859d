import type { TestHub } from './hub.ts'
import { deviceClient } from './mqtt.ts'

type Device = { name: string; secret: string }

/** What has been said, and what of it was acknowledged. */
export type Said = { acknowledged: string[]; refused: number[]; worst: number }

/** A device that says numbered lines over HTTP, one after the other, until it is stopped; `hub` is asked for anew each time. */
export function speakOverHttp(hub: () => Pick<TestHub, 'base'>, { name, secret }: Device) {
  const said: Said = { acknowledged: [], refused: [], worst: 0 }
  const stopped = new AbortController()

  async function say(line: string) {
    const since = performance.now()
    const url = `${hub().base}/devices/${secret}/heartbeat?status=running`
    const answer = await fetch(url, { method: 'PUT', body: line }).catch(() => undefined)
    await answer?.text().catch(() => '')
    said.worst = Math.max(said.worst, performance.now() - since)
    if (answer?.status === 200) said.acknowledged.push(line)
    else {
      said.refused.push(answer?.status ?? 0)
      await Bun.sleep(20)
    }
  }

  const speaking = (async () => {
    for (let n = 0; !stopped.signal.aborted; n++) await say(`${name} over HTTP ${n}`)
  })()
  return {
    said,
    async stop() {
      stopped.abort()
      await speaking
      return said.acknowledged
    }
  }
}

/** The same over MQTT, with a new connection after each that has ended. */
export function speakOverMqtt(hub: () => Pick<TestHub, 'ports'>, user: { name: string }, device: Device) {
  const acknowledged: string[] = []
  const stopped = new AbortController()
  let n = 0

  async function connection() {
    await using client = await deviceClient(hub(), user, device)
    const ended = client.closed.then(() => Promise.reject(new Error('closed')))
    ended.catch(() => {})
    while (!stopped.signal.aborted) {
      const line = `${device.name} over MQTT ${n++}`
      await Promise.race([client.publish(`${user.name}/devices/${device.name}/log`, line), ended])
      acknowledged.push(line)
    }
  }

  const speaking = (async () => {
    while (!stopped.signal.aborted) await connection().catch(() => Bun.sleep(20))
  })()
  return {
    acknowledged,
    async stop() {
      stopped.abort()
      await speaking
      return acknowledged
    }
  }
}

/** All lines of a device's log. */
export async function wholeLog({ base, token, path }: { base: string; token: string; path: string }) {
  const lines: string[] = []
  let cursor = '0'
  for (;;) {
    const response = await fetch(`${base}${path}/log?since=${cursor}`, { headers: { access_token: token } })
    const { log, next } = (await response.json()) as { log: { line: string }[]; next: string | null }
    lines.push(...log.map(({ line }) => line))
    if (log.length === 0 || next === null || next === cursor) return lines
    cursor = next
  }
}
