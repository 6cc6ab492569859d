import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { abusedHub, each, MiB } from '../../support/abused.ts'
import { connectBytes } from '../../support/bare.ts'
import { createRandom, fuzzedPacket, fuzzedRequest, mutated, type Random } from '../../support/fuzz.ts'
import { figureIn } from '../../support/metrics.ts'
import { asDevice, asUser, packetClient, until } from '../../support/mqtt.ts'
import { linux } from '../../support/releases.ts'

const seed = Number(process.env.FUZZ_SEED ?? 20_261_120)
const packets = 100_000
const packetsEach = 8
const requests = 20_000
const answerWithin = 150
const mayKeep = 32 * MiB

type AbusedHub = Awaited<ReturnType<typeof abusedHub>>

/** Sends bytes and the end behind them; gives what came back until the other end, or patience, ended it. */
function talk(port: number, bytes: Uint8Array, { patience, halfClosed }: { patience: number; halfClosed: boolean }) {
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  const received: Buffer[] = []
  const socket = connect(port, '127.0.0.1', () => void (halfClosed ? socket.end(bytes) : socket.write(bytes)))
  const timer = setTimeout(() => socket.destroy(), patience)
  socket.on('data', (chunk: Buffer) => {
    received.push(chunk)
    if (!halfClosed) socket.destroy()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    clearTimeout(timer)
    resolve(Buffer.concat(received))
  })
  return promise
}

/** A connection's worth of packets: mostly behind a CONNECT that is right. */
function conversation(connects: Buffer[], topics: string[], random: Random) {
  const wrong = random.pick([0.02, 0.1, 0.5])
  const some = Array.from({ length: packetsEach - 1 }, () => fuzzedPacket(topics, wrong, random))
  const first = random.pick(connects)
  return Buffer.concat([random.chance(0.8) ? first : mutated(first, random), ...some])
}

async function isAsBefore(hub: AbusedHub, before: number) {
  expect(hub.isAlive()).toBe(true)
  expect(await hub.call('GET /health')).toMatchObject({ status: 200 })
  await until(async () => figureIn(await hub.metrics(), 'updraft_mqtt_connections') <= 1, 'the connections to be gone')
  // What is garbage is collected when the hub has been idle for some seconds.
  await until(async () => (await hub.memory()) < before + mayKeep, 'memory to be given back', 20_000)
  const growth = (await hub.memory()) - before
  const wrong = hub
    .logged()
    .split('\n')
    .filter((line) => /"level":[56]0|unexpected|uncaught|unhandled/i.test(line))
  expect(wrong.slice(0, 5)).toEqual([])
  return growth
}

test('100,000 random and mutated MQTT packets do the hub no harm', async () => {
  await using hub = await abusedHub()
  const ada = await hub.user('ada')
  const devices = [await ada.device('lamp'), await ada.device('fan')]
  const own = devices.flatMap(({ name }) =>
    ['log', 'status', 'deployment', 'relaunch'].map((last) => `ada/devices/${name}/${last}`)
  )
  const versions = [
    'applications/x/+/latest-version',
    `applications/x/${linux}/latest-version`,
    'applications/+/+/latest-version'
  ]
  const topics = [
    ...own,
    ...versions,
    'ada/#',
    'ada/devices/+/log',
    '#',
    '$SYS/#',
    'root/devices/x/log',
    'a/'.repeat(20),
    '/',
    '+/+'
  ]
  const will = { topic: own[0] ?? '', payload: 'will', qos: 1 as const }
  const connects = [...devices.map((device) => asDevice(ada, device)), asUser(ada), { username: crypto.randomUUID() }].flatMap(
    (who) => [
      connectBytes(who),
      connectBytes({ ...who, clientId: 'kept', clean: false }),
      connectBytes({ ...who, clientId: 'will', will })
    ]
  )
  const random = createRandom(seed)
  const conversations = Array.from({ length: packets / packetsEach }, () => conversation(connects, topics, random))
  const run = (some: Buffer[]) => each(some, 32, (bytes) => talk(hub.ports.mqtt, bytes, { patience: 2000, halfClosed: true }))

  await run(conversations.slice(0, 2000)) // until every path has been compiled
  const before = await hub.memory()
  await run(conversations)
  const growth = await isAsBefore(hub, before)
  await using device = await packetClient(hub, asDevice(ada, devices[0] ?? { name: '', secret: '' }))
  device.publish(1, 'ada/devices/lamp/log', 'still here')
  expect(await device.next()).toMatchObject({ cmd: 'puback' })
  console.log(`MQTT fuzzing with seed ${seed}: ${packets} packets, memory +${(growth / MiB).toFixed(1)} MiB`)
}, 90_000)

test('20,000 malformed HTTP requests are answered without a 500', async () => {
  await using hub = await abusedHub()
  const ada = await hub.user('ada')
  const lamp = await ada.device('lamp')
  const paths = ['/', '/login', '/auth', '/me', '/teams', '/teams/ada/members', '/ada/devices', '/ada/devices/lamp', '/ada/apps']
  const more = ['/ada/devices/lamp/log', '/ada/apps/x/deployments', '/apps/x/deployments', '/health', '/mqtt', '/register']
  const { body: made } = await ada.call('POST /applications', { name: 'x' })
  const app = `/applications/${(made as { id: string }).id}`
  const build = { version: '0.9.0', architecture: linux, url: 'https://example.org/x' }
  const { body: published } = await ada.call(`POST ${app}/builds`, build)
  const { build_id: id } = published as { build_id: string }
  const desktop = ['/applications', '/applications/latest-version', '/builds/success', `${app}/builds`, `${app}/clients`]
  const ofBuild = [`${app}/builds/${id}`, `/downloads/${id}/x_0.9.0`, '/downloads/x/y']
  const ofDevice = [`/devices/${lamp.secret}/image`, `/devices/${lamp.secret}/heartbeat`, '/devices/x/heartbeat']
  const targets = [
    ...paths,
    ...more,
    ...ofDevice,
    ...desktop,
    ...ofBuild,
    '/swagger/json',
    '/api/v1/users',
    '/api/v1/applications',
    '/api/v1/logs',
    '*',
    'http://hub/me',
    ''
  ]
  const random = createRandom(seed)
  const credentials = [`access_token: ${ada.token}`, `authorization: Bearer ${ada.token}`]
  const all = Array.from({ length: requests }, () => fuzzedRequest(targets, credentials, random))
  const statuses = new Map<string, number>()
  const failed: string[] = []
  const run = (some: Uint8Array[]) =>
    each(some, 64, async (bytes) => {
      const answer = await talk(hub.ports.http, bytes, { patience: answerWithin, halfClosed: false })
      const status = answer.toString('latin1', 0, 12).split(' ')[1] ?? 'none'
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status.startsWith('5') && status !== '505') failed.push(Buffer.from(bytes).toString('latin1', 0, 300))
    })

  await run(all.slice(0, 1000))
  const before = await hub.memory()
  await run(all)
  const growth = await isAsBefore(hub, before)
  const counts = [...statuses]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([status, count]) => `${count} × ${status}`)
  console.log(`HTTP fuzzing with seed ${seed}: ${counts.join(', ')}, memory +${(growth / MiB).toFixed(1)} MiB`)
  expect(failed.slice(0, 3)).toEqual([])
  expect(statuses.get('none') ?? 0).toBeLessThan(requests / 2)
}, 90_000)
