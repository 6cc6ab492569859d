import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { owner } from '../fleet.ts'
import type { Workplace } from '../workplace.ts'
import { type Amount, jwtSecret, type Seeded, seed } from './seed.ts'
import { type Server, whenReady } from './server.ts'

const main = join(import.meta.dir, '../../../src/main.ts')
const probe = join(import.meta.dir, 'loop-probe.ts')

export type HubServer = Server &
  Seeded & {
    mqttPort: number
    /** By how much the event loop has been late at most since last asked, in ms. */
    lateness(): Promise<number>
  }

/** Starts a hub on spare ports, over data of its own with so much in it; `probed`: with a clock on its event loop. */
export async function startHub(workplace: Workplace, amount: Amount, options = { probed: false }): Promise<HubServer> {
  const folder = workplace.folder('hub')
  const dataDir = join(folder, 'data')
  return serve(workplace, { folder, dataDir, seeded: await seed({ dataDir }, amount), ...options })
}

/** Starts so many hubs on one PostgreSQL database, each with a folder of its own. */
export async function startHubs(
  workplace: Workplace,
  amount: Amount,
  { count, databaseUrl }: { count: number; databaseUrl: string }
) {
  const folders = Array.from({ length: count }, () => workplace.folder('hub'))
  const dataDir = join(folders[0] ?? '', 'data')
  const seeded = await seed({ dataDir, databaseUrl }, amount)
  const hubs: HubServer[] = []
  for (const folder of folders)
    hubs.push(await serve(workplace, { folder, dataDir: join(folder, 'data'), seeded, databaseUrl, probed: false }))
  return hubs
}

type Serving = { folder: string; dataDir: string; seeded: Seeded; databaseUrl?: string; probed: boolean }

async function serve(workplace: Workplace, { folder, dataDir, seeded, databaseUrl, probed }: Serving): Promise<HubServer> {
  const output = join(folder, 'output')
  const shared = databaseUrl ? { DATABASE_URL: databaseUrl, JWT_SECRET: jwtSecret } : {}
  const env = { DATA_DIR: dataDir, PORT: '0', MQTT_PORT: '0', LOG_LEVEL: 'warn', ...shared }
  let answered = Promise.withResolvers<number>()
  const onMessage = (message: unknown) => answered.resolve((message as { worst: number }).worst)
  const child = workplace.start([process.execPath, ...(probed ? ['--preload', probe] : []), main], {
    env,
    output,
    onMessage
  })
  const ports = await whenReady({ what: 'the hub', child, output }, () => readPorts(output))

  return {
    pid: child.pid,
    ...ports,
    ...seeded,
    stop: () => workplace.stop(child),
    lateness() {
      answered = Promise.withResolvers<number>()
      child.send('how late?')
      return answered.promise
    }
  }
}

/** The ports of the hub's greeting, once it is there. */
async function readPorts(output: string) {
  const greeting = await readFile(output, 'utf8').catch(() => '')
  const port = (name: string) => Number(greeting.match(new RegExp(`${name} +\\w+://.*:(\\d+)$`, 'm'))?.[1])
  return /MQTT, web .*\n/.test(greeting) ? { port: port('HTTP'), mqttPort: port('MQTT') } : undefined
}

/** An access token of the user whom the devices belong to. */
export async function signIn({ port }: Server) {
  const { email, password } = owner
  const response = await fetch(`http://127.0.0.1:${port}/login`, { method: 'POST', body: JSON.stringify({ email, password }) })
  const { access_token: token } = (await response.json()) as { access_token: string }
  return token
}
