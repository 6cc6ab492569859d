import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../src/blobs/index.ts'
import { readConfig } from '../../src/config.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { openSqlite } from '../../src/db/sqlite.ts'
import type { Limits } from '../../src/features/accounts/limits.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { createLog } from '../../src/lib/log.ts'
import type { MqttLimits } from '../../src/mqtt/limits.ts'
import { balanced, sharedBytes } from './balanced.ts'
import { callerOf, password, type TestUser } from './caller.ts'
import { freshDatabase } from './databases.ts'

export { type Answer, password, type TestUser } from './caller.ts'

type Options = {
  env?: Record<string, string>
  clock?: Clock
  limits?: Limits
  mqttLimits?: Partial<MqttLimits>
  enginePatience?: number
}

export const jwtSecret = 'a secret of the tests, long enough to sign with'

export type TestHub = Awaited<ReturnType<typeof testHub>>

/** A whole hub on ports of its own, over a fresh database of this run; `await using` ends it and takes its data away. */
export async function testHub({ env = {}, clock, limits, mqttLimits = {}, enginePatience }: Options = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'updraft-test-'))
  const database = await freshDatabase()
  const lines: string[] = []
  const log = createLog(env.LOG_LEVEL ?? 'debug', { write: (line) => void lines.push(line) })
  const variables = {
    DATA_DIR: dataDir,
    PORT: '0',
    MQTT_PORT: '0',
    JWT_SECRET: jwtSecret,
    GITHUB_API_URL: 'http://127.0.0.1:9', // where nobody listens: no test asks the real one
    ADMIN_EMAIL: 'root@example.org',
    ADMIN_PASSWORD: password
  }
  const config = readConfig({
    ...variables,
    ...(database ? { DATABASE_URL: database.url } : {}),
    ...(await sharedBytes()),
    ...env
  })
  const replaced = { ...(clock ? { clock } : {}), ...(limits ? { limits } : {}), ...(enginePatience ? { enginePatience } : {}) }
  const running = await balanced({ config, log, mqttLimits, ...replaced })
  const base = `http://127.0.0.1:${running.ports.http}`

  const caller = callerOf(base, running.agreed)

  return {
    ...running,
    dataDir,
    ...caller,
    /** The hub's database, behind its back. */
    openDb: () => (config.databaseUrl ? openPostgres(config.databaseUrl) : openSqlite(join(dataDir, 'updraft.sqlite'))),
    /** The names of all that is stored, or received and neither kept nor discarded, wherever the bytes are. */
    async stored() {
      const folders = running.dataDirs.map((folder) => readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true }))
      const files = (await Promise.all(folders)).flat().filter((entry) => entry.isFile())
      const objects = config.s3 ? await Array.fromAsync(openStore(config, log).names()) : []
      return [...files.map(({ name }) => name), ...objects.flat()]
    },
    /** What the hub has logged so far. */
    logged: () => lines.join(''),
    async [Symbol.asyncDispose]() {
      await running.stop()
      await database?.drop()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}

/** A device of a user's own team, with an application where one is named. */
export async function testDevice(user: TestUser, name: string, { app, tag = null }: { app?: string; tag?: string | null } = {}) {
  const answer = await user.call(`POST /${user.name}/devices`, { device_name: name, board: 'esp8266', tag })
  if (answer.status !== 200) throw new Error(`no device ${name}: ${JSON.stringify(answer.body)}`)
  if (app) {
    await user.call(`POST /${user.name}/apps`, { app_name: app })
    await user.call(`POST /${user.name}/apps/${app}/devices`, { device_name: name })
  }
  return { name, secret: (answer.body as { device_secret: string }).device_secret }
}

/** Deploys bytes to an application of a user's own team; gives the answer. */
export function deploy(user: TestUser, app: string, image: Uint8Array<ArrayBuffer>, fields: Record<string, string> = {}) {
  const form = new FormData()
  for (const [name, value] of Object.entries({ board: 'esp8266', ...fields })) form.set(name, value)
  form.set('image', new Blob([image]), 'firmware.image')
  return user.call(`POST /apps/${app}/deployments`, undefined, { raw: form })
}
