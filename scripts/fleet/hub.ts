import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Address } from './address.ts'
import { createUser, signIn } from './user.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const admin = { ADMIN_EMAIL: 'admin@fleet.test', ADMIN_PASSWORD: 'of the fleet simulator' }
const elsewhere = new Set(['DATABASE_URL', 'PUBLIC_URL', 'TLS_CERT_FILE', 'TLS_KEY_FILE', 'MQTTS_PORT'])

export type Hub = Awaited<ReturnType<typeof startHub>>

/** Starts a hub as a process of its own, over a fresh temporary folder. `profile`: folder for its CPU profile. */
export async function startHub(profile: string | undefined) {
  const dataDir = await mkdtemp(join(tmpdir(), 'updraft-fleet-'))
  const inherited = Object.entries(process.env).filter(([name]) => !elsewhere.has(name))
  const env = {
    ...Object.fromEntries(inherited),
    ...admin,
    DATA_DIR: dataDir,
    HOST: '127.0.0.1',
    PORT: '0',
    MQTT_PORT: '0',
    LOG_LEVEL: 'warn'
  }
  const options = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile]
  const child = Bun.spawn([process.execPath, ...options, main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = readLines(child.stdout, child.stderr)
  const stop = async () => {
    child.kill('SIGTERM')
    await child.exited
    await rm(dataDir, { recursive: true, force: true })
  }
  const port = async (name: string) =>
    Number((await output.first(new RegExp(`^ *${name} +\\S+:(\\d+)$`))) ?? (await failedStart()))
  const failedStart = async (): Promise<never> => {
    await stop()
    throw new Error(`The hub did not start: ${output.complaints().join('\n')}`)
  }
  const http: Address = { host: '127.0.0.1', port: await port('HTTP') }
  const mqtt: Address = { host: '127.0.0.1', port: await port('MQTT') }
  const base = `http://127.0.0.1:${http.port}`

  return {
    name: 'of its own',
    pid: child.pid,
    http,
    mqtt,
    user: async () => createUser(base, await signIn(base, { email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })),
    /** What it has logged since it is up: warnings and worse. */
    complaints: output.complaints,
    /** Whether it has ended, as a sentence. */
    failure: () =>
      child.exitCode === null && child.signalCode === null ? undefined : `The hub has ended: ${output.complaints().join('\n')}`,
    stop
  }
}

/** A hub that runs already, wherever it is. */
export function givenHub({ hub, token, mqtt }: { hub: string; token: string; mqtt: string | undefined }): Hub {
  const { hostname, port, protocol } = new URL(hub)
  if (protocol !== 'http:') throw new Error('--hub must be an address such as http://127.0.0.1:3000')
  const broker = new URL(`mqtt://${mqtt ?? hostname}`)
  return {
    name: hub,
    pid: 0,
    http: { host: hostname, port: Number(port || 80) },
    mqtt: { host: broker.hostname, port: Number(broker.port || 1883) },
    user: () => createUser(hub, token),
    complaints: () => [],
    failure: () => undefined,
    stop: async () => {}
  }
}

/** The lines of a process as they come. */
function readLines(stdout: ReadableStream<Uint8Array>, stderr: ReadableStream<Uint8Array>) {
  const lines: string[] = []
  let news = Promise.withResolvers<void>()
  let open = 2
  async function read(stream: ReadableStream<Uint8Array>) {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const bytes of stream) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = parts.pop() ?? ''
      lines.push(...parts)
      news.resolve()
      news = Promise.withResolvers()
    }
    open -= 1
    news.resolve()
  }
  void read(stdout)
  void read(stderr)

  return {
    /** What the pattern captures in the first line that it matches; undefined when the process has ended without one. */
    async first(pattern: RegExp) {
      for (;;) {
        const found = lines.map((line) => line.match(pattern)?.[1]).find((match) => match !== undefined)
        if (found !== undefined || open === 0) return found
        await news.promise
      }
    },
    /** The lines of log, and whatever came by the way of errors. */
    complaints: () => lines.filter((line) => !/^(Updraft is up| {2}\S)/.test(line))
  }
}
