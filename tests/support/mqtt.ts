import mqtt, { type IClientOptions, type IPublishPacket } from 'mqtt'
import type { Packet } from 'mqtt-packet'
import type { NoticeType } from '../../src/features/notices/kinds.ts'
import { runHub } from '../../src/run.ts'
import { bareClient, type ConnectOptions, connectBytes, within } from './bare.ts'
import type { TestHub, TestUser } from './hub.ts'

export { within }

export type Received = { topic: string; payload: string; retain: boolean; qos: number; dup: boolean }

/** An MQTT client that keeps what it receives until it is asked for. */
export async function mqttClient(url: string, options: IClientOptions) {
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 5000, ...options })
  const inbox: Received[] = []
  let arrived = Promise.withResolvers<void>()
  client.on('message', (topic: string, payload: Buffer, { retain, qos, dup }: IPublishPacket) => {
    inbox.push({ topic, payload: payload.toString(), retain, qos, dup })
    arrived.resolve()
    arrived = Promise.withResolvers<void>()
  })
  const closed = new Promise<void>((resolve) => client.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('error', reject)
    client.once('close', () => reject(new Error('closed before it was connected')))
  })
  client.on('error', () => {})

  return {
    client,
    inbox,
    /** Resolves when the connection has ended. */
    closed,
    /** The next message, waiting for it up to five seconds. */
    async next(): Promise<Received> {
      while (inbox.length === 0) await within(arrived.promise, 'a message')
      return inbox.shift() as Received
    },
    /** Subscribes; gives the granted QoS of each filter, 128 for a refused one. */
    async subscribe(filters: string[], qos: 0 | 1 = 1): Promise<number[]> {
      return new Promise((resolve) => {
        client.subscribe(filters, { qos }, (_error, granted, packet) =>
          resolve(packet ? [...(packet.granted as number[])] : (granted ?? []).map((g) => g.qos))
        )
      })
    },
    publish: (topic: string, payload: string, qos: 0 | 1 = 1) => client.publishAsync(topic, payload, { qos }),
    [Symbol.asyncDispose]: () => client.endAsync(true)
  }
}

type Ports = { ports: { mqtt: number } }
type Credentials = { username: string; password: string }

export const asDevice = (user: { name: string }, device: { name: string; secret: string }): Credentials => ({
  username: `${user.name}/${device.name}`,
  password: device.secret
})

export const asUser = (user: { token: string }): Credentials => ({ username: 'user', password: user.token })

export const mqttUrl = (hub: Ports) => `mqtt://127.0.0.1:${hub.ports.mqtt}`

/** A device's own connection. */
export const deviceClient = (
  hub: Ports,
  user: Pick<TestUser, 'name'>,
  device: { name: string; secret: string },
  options: IClientOptions = {}
) => mqttClient(mqttUrl(hub), { ...asDevice(user, device), ...options })

/** A user's connection, by token. */
export const userClient = (hub: Ports, user: { token: string }, options: IClientOptions = {}) =>
  mqttClient(mqttUrl(hub), { ...asUser(user), ...options })

type PacketOptions = ConnectOptions & {
  /** Changes the bytes of the CONNECT into what no proper client would send. */
  tamper?: (connect: Buffer) => void
}

/** A bare connection that has sent its CONNECT: packets as they are, nothing answered or acknowledged by itself. */
export async function packetClient(hub: Ports, { tamper, ...options }: PacketOptions = {}) {
  const client = await bareClient(hub.ports.mqtt)
  const bytes = connectBytes(options)
  tamper?.(bytes)
  client.sendBytes(bytes)
  const connack = await client.next()
  const { send } = client

  return {
    ...client,
    connack,
    /** Subscribes without waiting. */
    subscribe: (messageId: number, topics: string[], qos: 0 | 1 | 2 = 1) =>
      send({ cmd: 'subscribe', messageId, subscriptions: topics.map((topic) => ({ topic, qos })) }),
    /** Publishes without waiting. */
    publish: (messageId: number, topic: string, payload: string, qos: 0 | 1 | 2 = 1) =>
      send({ cmd: 'publish', messageId, topic, payload, qos, retain: false, dup: false }),
    acknowledge: (messageId: number | undefined) => send({ cmd: 'puback', messageId: messageId ?? 0 })
  }
}

/** A PUBLISH as a test compares it. */
export function published(packet: Packet) {
  if (packet.cmd !== 'publish') return packet.cmd
  const { topic, payload, qos, retain, dup } = packet
  return { topic, payload: payload.toString(), qos, retain, dup }
}

/** Resolves when the hub has told a notice of that kind to all whom it concerns; to be called before the change. */
export function noticed(hub: TestHub, type: NoticeType) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const stop = hub.hub.notices.listen((notice) => {
    if (notice.type !== type) return
    stop()
    hub.broker.settled().then(resolve, reject)
  })
  return within(promise, `the notice ${type}`)
}

/** Asks again until it is so, up to so many ms. */
export async function until(isSo: () => Promise<boolean> | boolean, what: string, patience = 5000) {
  const end = Date.now() + patience
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited ${patience} ms for ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A device as its team sees it. */
export async function listed(user: TestUser, name: string) {
  const { body } = await user.call(`GET /${user.name}/devices`)
  return (body as { devices: Record<string, unknown>[] }).devices.find((device) => device.name === name)
}

/** The lines of a device's log. */
export async function logOf(user: TestUser, name: string) {
  const { body } = await user.call(`GET /${user.name}/devices/${name}/log`)
  return (body as { log: { line: string }[] }).log.map(({ line }) => line)
}

/** Stops a hub, and starts another on the same data. */
export async function restart(hub: TestHub) {
  await hub.stop()
  hub.hub.close = async () => {} // the database is closed already when the test ends
  const running = await runHub({ config: hub.hub.config, log: hub.hub.log })
  return { ...running, [Symbol.asyncDispose]: running.stop }
}

/** Holds up the next answer of one reading of a service until `release`; `asked` resolves once it is there to be given. */
export function holdUp<Service extends object>(service: Service, name: keyof Service & string) {
  const methods = service as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>
  const original = methods[name]
  const asked = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  methods[name] = async (...given) => {
    Object.assign(methods, { [name]: original })
    const answer = await original?.(...given)
    asked.resolve()
    await gate.promise
    return answer
  }
  return { asked: within(asked.promise, `${name} to be asked`), release: () => gate.resolve() }
}
