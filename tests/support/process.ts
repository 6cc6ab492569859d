import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freshDatabase } from './databases.ts'
import { jwtSecret, password } from './hub.ts'

const main = new URL('../../src/main.ts', import.meta.url).pathname

export type HubProcess = Awaited<ReturnType<Awaited<ReturnType<typeof hubHome>>['start']>>

type Program = { command?: string[]; cwd?: string }

/** A place for a hub that is started as a process of its own, again and again over the same data; `command` in place of the program from its source. */
export async function hubHome(env: Record<string, string> = {}, { command = [process.execPath, main], cwd }: Program = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'updraft-process-'))
  const database = await freshDatabase()
  const variables = {
    PATH: process.env.PATH ?? '',
    DATA_DIR: dataDir,
    PORT: '0',
    MQTT_PORT: '0',
    LOG_LEVEL: 'warn',
    GITHUB_API_URL: 'http://127.0.0.1:9',
    ...(database ? { DATABASE_URL: database.url, JWT_SECRET: jwtSecret } : {}),
    ADMIN_EMAIL: 'root@example.org',
    ADMIN_PASSWORD: password,
    ...env
  }

  const children: Bun.Subprocess[] = []

  function spawn() {
    const child = Bun.spawn(command, { env: variables, stdout: 'pipe', stderr: 'pipe', ...(cwd === undefined ? {} : { cwd }) })
    children.push(child)
    return child
  }

  return {
    dataDir,
    /** The environment that the hub has. */
    env: variables as Record<string, string>,
    /** Starts the hub and kills it after so many ms, wherever it is by then. */
    async startAndKill(after: number) {
      const child = spawn()
      await Bun.sleep(after)
      child.kill('SIGKILL')
      await child.exited
    },
    /** Starts the hub and waits for its greeting; gives where it listens. */
    async start() {
      const child = spawn()
      const greeting = await readGreeting(child.stdout)
      const port = (name: string) => Number(greeting.match(new RegExp(`${name} .*:(\\d+)$`, 'm'))?.[1])
      const base = `http://127.0.0.1:${port('HTTP')}`
      return {
        child,
        greeting,
        base,
        mqttPort: port('MQTT'),
        call: async (route: string, init: RequestInit = {}) => {
          const [method = 'GET', path = '/'] = route.split(' ')
          const response = await fetch(`${base}${path}`, { method, ...init })
          const text = await response.text()
          return {
            status: response.status,
            body: response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text
          }
        }
      }
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL') // where a test failed before it ended them
      await database?.drop()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}

async function readGreeting(stdout: ReadableStream<Uint8Array>) {
  const reader = stdout.getReader()
  let text = ''
  while (!/^Updraft is up[^]*\n$/.test(text)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`the hub ended before it was up: ${text}`)
    text += new TextDecoder().decode(value)
  }
  reader.releaseLock()
  return text
}
