import { readFile, writeFile } from 'node:fs/promises'
import { password } from './hub.ts'
import { hubHome } from './process.ts'

export const MiB = 1024 * 1024

type Call = (route: string, body?: object) => Promise<{ status: number; body: unknown }>

/** A hub in a process of its own, whose memory can be measured; `await using` ends it. */
export async function abusedHub(env: Record<string, string> = {}) {
  const home = await hubHome(env)
  const { child, base, mqttPort, call: plainCall } = await home.start()
  const logged: string[] = []
  const reading = readAll(child.stdout, logged)

  const call: Call = (route, body = {}) => callAs('', route, body)
  function callAs(token: string, route: string, body: object) {
    const headers = { 'content-type': 'application/json', ...(token ? { access_token: token } : {}) }
    const sent = route.startsWith('GET') ? {} : { body: JSON.stringify(body) }
    return plainCall(route, { headers, ...sent })
  }

  return {
    ports: { mqtt: mqttPort, http: Number(new URL(base).port) },
    call,
    /** What the hub has logged so far. */
    logged: () => logged.join(''),
    isAlive: () => child.exitCode === null,

    /** A new user by that name, who can register devices. */
    async user(name: string) {
      const email = `${name}@example.org`
      await call('POST /auth', { name, email, password, password_confirmation: password })
      const signedIn = await call('POST /login', { email, password })
      const { access_token: token } = signedIn.body as { access_token: string }
      const callOwn: Call = (route, body = {}) => callAs(token, route, body)
      const device = async (device_name: string) => {
        const { body } = await callOwn(`POST /${name}/devices`, { device_name, board: 'esp8266' })
        return { name: device_name, secret: (body as { device_secret: string }).device_secret }
      }
      return { name, token, call: callOwn, device }
    },

    /** What Prometheus would read. */
    metrics: async () => String((await plainCall('GET /metrics')).body),

    /** Resident memory, in bytes. */
    memory: () => memoryOf(child.pid, 'VmRSS'),

    /** Measures from now on; gives what tells how far resident memory has grown at its highest since, in bytes. */
    async watchMemory() {
      await writeFile(`/proc/${child.pid}/clear_refs`, '5') // the highest mark begins anew
      const before = await memoryOf(child.pid, 'VmRSS')
      return async () => (await memoryOf(child.pid, 'VmHWM')) - before
    },

    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await child.exited
      await reading
      await home[Symbol.asyncDispose]()
    }
  }
}

async function readAll(stream: ReadableStream<Uint8Array>, chunks: string[]) {
  const decoder = new TextDecoder()
  for await (const chunk of stream) chunks.push(decoder.decode(chunk, { stream: true }))
}

async function memoryOf(pid: number, figure: 'VmRSS' | 'VmHWM') {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(status.match(new RegExp(`^${figure}:\\s+(\\d+) kB$`, 'm'))?.[1]) * 1024
}

/** The median and the worst of many. */
export function spread(values: number[]) {
  const sorted = values.toSorted((one, other) => one - other)
  return { median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, worst: sorted.at(-1) ?? Number.NaN }
}

/** Does something with each, a few at a time. */
export async function each<T>(items: Iterable<T>, atOnce: number, act: (item: T) => Promise<unknown>) {
  const iterator = items[Symbol.iterator]()
  const run = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await act(next.value)
  }
  await Promise.all(Array.from({ length: atOnce }, run))
}
