import { type Asked, linesOf } from '../log-entries.ts'
import type { Row, Sample, Side } from '../measure/row.ts'
import { cpuSeconds, residentKb } from '../measure/usage.ts'
import { startScript } from '../servers/bare.ts'
import { type HubServer, signIn, startHub } from '../servers/hub.ts'
import type { Server } from '../servers/server.ts'

const linesAtOnce = 20_000
const million = 1_000_000
const lookEvery = 20

/** Sends lines of JSON in one request; throws unless all are stored. */
async function send({ port, apiKey }: HubServer, body: string, lines: number) {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/x-ndjson' }
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/logs`, { method: 'POST', headers, body })
  const answer = (await response.json()) as { data?: { accepted: number } }
  if (answer.data?.accepted !== lines) throw new Error(`not all were stored: ${JSON.stringify(answer)}`)
}

/** The rate of some work that gives how many rows it stored in how many seconds, and what one costs the server. */
async function rated(server: Server, work: () => Promise<{ rows: number; seconds: number }>): Promise<Sample> {
  const before = cpuSeconds(server.pid)
  const { rows, seconds } = await work()
  return { rate: rows / seconds, cpu: ((cpuSeconds(server.pid) - before) / rows) * 1e6 }
}

async function sendFor(hub: HubServer, body: string, seconds: number) {
  const began = performance.now()
  const passed = () => (performance.now() - began) / 1000
  let rows = 0
  for (; passed() < seconds; rows += linesAtOnce) await send(hub, body, linesAtOnce)
  return { rows, seconds: passed() }
}

async function insertFor({ port }: Server, asked: Asked) {
  const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: JSON.stringify(asked) })
  return (await response.json()) as { rows: number; seconds: number }
}

/** What programs say, many entries in one request. */
export const ndjson: Row = {
  name: 'ndjson',
  title: `log entries as lines of JSON, ${linesAtOnce.toLocaleString('en')} in a request, stored before answered, with the chain of hashes`,
  against: 'plain inserts of the same rows into SQLite, in batches of 100, without index or hash',
  figures: [
    { name: 'rate', what: 'entries a second', unit: '', better: 'more' },
    { name: 'cpu', what: 'CPU time each', unit: 'µs', better: 'less' }
  ],
  obstacle: () => undefined,
  async open({ workplace, seconds }) {
    const hub = await startHub(workplace, { devices: 1 })
    const plain = await startScript(workplace, 'sqlite-server.ts')
    const body = linesOf(linesAtOnce)
    const sides = {
      hub: { measure: () => rated(hub, () => sendFor(hub, body, seconds)) },
      peer: { measure: () => rated(plain, () => insertFor(plain, { seconds })) }
    }
    await Promise.all([sendFor(hub, body, 1), insertFor(plain, { seconds: 1 })])
    return sides
  }
}

/** Checks the whole chain, and looks meanwhile at the memory of the hub. */
async function verify(hub: HubServer, token: string): Promise<Sample> {
  const before = residentKb(hub.pid)
  let most = before
  const looking = setInterval(() => {
    most = Math.max(most, residentKb(hub.pid))
  }, lookEvery)
  await hub.lateness()
  const began = performance.now()
  const url = `http://127.0.0.1:${hub.port}/api/v1/logs/verify-chain?application_id=${hub.applicationId}`
  const response = await fetch(url, { headers: { access_token: token } })
  const { data } = (await response.json()) as { data?: { intact: boolean; checked: number } }
  const time = (performance.now() - began) / 1000
  clearInterval(looking)
  if (!data?.intact || data.checked < million) throw new Error(`the chain was not verified: ${JSON.stringify(data)}`)
  return { time, rate: data.checked / time, memory: (most - before) / 1024, resident: most / 1024, late: await hub.lateness() }
}

/** A long log, checked from end to end. */
export const verification: Row = {
  name: 'verify',
  title: 'verify-chain of a log of a million entries',
  against: undefined,
  figures: [
    { name: 'time', what: 'until the answer', unit: 's', better: 'less' },
    { name: 'rate', what: 'entries a second', unit: '', better: 'more' },
    { name: 'memory', what: 'memory added', unit: 'MiB', better: 'less' },
    { name: 'resident', what: 'resident at most', unit: 'MiB', better: 'less' },
    { name: 'late', what: 'event loop late', unit: 'ms', better: 'less' }
  ],
  obstacle: () => undefined,
  async open({ workplace, say }): Promise<{ hub: Side }> {
    const hub = await startHub(workplace, { devices: 1 }, { probed: true })
    const token = await signIn(hub)
    say('storing a million entries')
    const body = linesOf(linesAtOnce)
    for (let stored = 0; stored < million; stored += linesAtOnce) await send(hub, body, linesAtOnce)
    await verify(hub, token)
    return { hub: { measure: () => verify(hub, token) } }
  }
}
