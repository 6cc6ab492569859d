import { afterAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { postgresMissing, startPostgres } from '../../scripts/test-postgres.ts'
import { deploy, type TestHub, testDevice, testHub } from '../support/hub.ts'
import { deviceClient, until, userClient, within } from '../support/mqtt.ts'
import { speakOverHttp, speakOverMqtt, wholeLog } from '../support/speaker.ts'

const server = await startPostgres()
if (!server) {
  if (process.env.CI) throw new Error(postgresMissing)
  console.warn(postgresMissing)
}
afterAll(() => server?.stop())

let databases = 0

/** A hub on a fresh database of the server that these tests stop and start. */
async function hubOn(url: string) {
  return testHub({ env: { DATABASE_URL: url, LOG_LEVEL: 'info' } })
}

async function freshUrl() {
  const name = `away_${++databases}`
  const sql = postgres(server?.url ?? '', { max: 1, onnotice() {} })
  await sql.unsafe(`create database ${name}`)
  await sql.end()
  return Object.assign(new URL(server?.url ?? ''), { pathname: `/${name}` }).href
}

const health = async (hub: TestHub) => (await hub.call('GET /health')).status

const refusals: [route: string, body: unknown][] = [
  ['GET /health', { message: 'The database does not answer' }],
  ['GET /applications', { message: 'The database does not answer' }],
  ['GET /repos', { message: 'The database does not answer' }],
  ['GET /v1/packages?search=a', { message: 'The database does not answer' }],
  ['GET /ada/devices', { error: 'The database does not answer', reasons: [] }],
  ['GET /api/v1/applications', { success: false, message: 'The database does not answer' }],
  ['GET /teams', { message: 'The database does not answer' }]
]

if (server) {
  describe('PostgreSQL', () => {
    test('is stopped under load and started again: refused in time and in each document’s shape, nothing acknowledged is lost', async () => {
      await using hub = await hubOn(await freshUrl())
      const ada = await hub.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      const bell = await testDevice(ada, 'bell', { app: 'blinker' })
      const speakers = [speakOverHttp(() => hub, lamp), speakOverHttp(() => hub, bell), speakOverMqtt(() => hub, ada, lamp)]
      for (const mode of ['immediate', 'fast'] as const) {
        await until(() => speakers.every((one) => heard(one).length > 20), 'some lines')
        await server.halt(mode)
        for (const [route, body] of refusals) {
          const since = performance.now()
          const answer = await ada.send(route)
          expect({ route, status: answer.status, body: await answer.json() }).toEqual({ route, status: 503, body })
          expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
          expect(performance.now() - since).toBeLessThan(8000)
        }
        await server.resume()
        await until(async () => (await health(hub)) === 200, 'the hub to be well again', 10_000)
        const so = speakers.map((one) => heard(one).length)
        await until(() => speakers.every((one, i) => heard(one).length > (so[i] ?? 0) + 5), 'all to go on', 10_000)
      }
      const lines = (await Promise.all(speakers.map((one) => one.stop()))).flat()
      const of = (name: string) => wholeLog({ base: hub.base, token: ada.token, path: `/ada/devices/${name}` })
      const stored = [...(await of('lamp')), ...(await of('bell'))]
      expect(lines.filter((line) => !stored.includes(line))).toEqual([])
      expect(stored.length).toBe(new Set(stored).size)
      expect(hub.logged().match(/PostgreSQL does not answer/g)?.length).toBe(2)
      expect(hub.logged()).not.toMatch(/unexpected|unhandled/)
    }, 60_000)

    test('ends every connection: what another hub changed meanwhile is told', async () => {
      const url = await freshUrl()
      await using first = await hubOn(url)
      await using second = await hubOn(url)
      const ada = await first.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      await using device = await deviceClient(second, ada, lamp)
      await device.subscribe(['ada/devices/lamp/deployment'])
      const sql = postgres(server.url, { max: 1, onnotice() {} })
      for (const id of [1, 2, 3]) {
        await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname like 'away_%'`
        await until(
          async () => (await deploy(ada, 'blinker', new TextEncoder().encode(`image ${id}`))).status === 200,
          'a deployment'
        )
        const told = await device.next()
        expect(JSON.parse(told.payload).size).toBe(7)
      }
      await sql.end()
      const list = await second.as(ada.token).call('GET /ada/devices')
      expect(list.body).toMatchObject({ devices: [{ connected: true }] })
    }, 60_000)

    test('is away while a device connects and subscribes: it is refused as not at present, and is told everything afterwards', async () => {
      await using hub = await hubOn(await freshUrl())
      const ada = await hub.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      await deploy(ada, 'blinker', new Uint8Array(100))
      await server.halt()
      const refused = await userClient(hub, ada).catch((error: unknown) => error)
      expect(refused).toHaveProperty('code', 3) // not at present
      await server.resume()
      await until(async () => (await health(hub)) === 200, 'the hub to be well again', 10_000)
      await using device = await deviceClient(hub, ada, lamp)
      await device.subscribe(['ada/devices/lamp/deployment'])
      expect(JSON.parse((await device.next()).payload)).toMatchObject({ id: 1, size: 100 })
    }, 60_000)

    test('is busy: a hub whose connections are all waiting is still to be sent work', async () => {
      const url = await freshUrl()
      await using hub = await hubOn(url)
      const ada = await hub.user('ada')
      const sql = postgres(url, { max: 1, onnotice() {} })
      await sql`select pg_advisory_lock(${0x75706402})` // what whoever records a notice must have
      const waiting = Array.from({ length: 50 }, (_, n) => ada.call('POST /ada/apps', { app_name: `app${n}` }))
      const isHeld = async () =>
        (await sql<{ n: number }[]>`select count(*)::int as n from pg_locks where not granted`)[0]?.n === 10
      await until(isHeld, 'every connection to wait')
      expect((await hub.call('GET /health/ready')).status).toBe(200)
      await sql.end()
      expect((await Promise.all(waiting)).filter(({ status }) => status !== 200)).toEqual([])
    }, 60_000)

    test('stands still: what waits for it is refused in time, and it goes on where it was', async () => {
      await using hub = await hubOn(await freshUrl())
      const ada = await hub.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      await server.signal('SIGSTOP')
      try {
        const beats = Array.from({ length: 200 }, () => hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`))
        const reads = Array.from({ length: 200 }, () => ada.call('GET /ada/devices'))
        expect(await health(hub)).toBe(503)
        const answers = await within(Promise.all([...beats, ...reads]), 'every answer', 20_000)
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
      } finally {
        await server.signal('SIGCONT')
      }
      await until(async () => (await health(hub)) === 200, 'the hub to be well again', 10_000)
      expect((await hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`)).status).toBe(200)
    }, 60_000)
  })
}

const heard = (speaker: { acknowledged: string[] } | { said: { acknowledged: string[] } }) =>
  'said' in speaker ? speaker.said.acknowledged : speaker.acknowledged
