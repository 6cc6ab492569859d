import { once } from 'node:events'
import { connect } from 'node:net'
import mqtt, { type IClientOptions, type IPublishPacket } from 'mqtt'
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet'
import type { NoticeType } from '../../src/features/notices/kinds.ts'
import { runHub } from '../../src/run.ts'
import type { TestHub, TestUser } from './hub.ts'

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

/** Fails after five seconds instead of hanging. */
export async function within<T>(promise: Promise<T>, what: string, ms = 5000): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
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

type Will = { topic: string; payload: string; qos?: 0 | 1; retain?: boolean }
type ConnectOptions = Partial<Omit<IConnectPacket, 'password' | 'will'>> & {
  password?: string
  will?: Will
  /** Changes the bytes of the CONNECT into what no proper client would send. */
  tamper?: (connect: Buffer) => void
}

/** A bare connection that has sent its CONNECT: packets as they are, nothing answered or acknowledged by itself. */
export async function packetClient(hub: Ports, { password, will, tamper, ...options }: ConnectOptions = {}) {
  const socket = connect(hub.ports.mqtt, '127.0.0.1')
  await once(socket, 'connect')
  const arrived: Packet[] = []
  let news = Promise.withResolvers<void>()
  const parse = parser()
  parse.on('packet', (packet) => {
    arrived.push(packet)
    news.resolve()
    news = Promise.withResolvers<void>()
  })
  socket.on('data', (bytes: Buffer) => void parse.parse(bytes))
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const send = (...packets: Packet[]) => void socket.write(Buffer.concat(packets.map((packet) => generate(packet))))

  /** The next packet, waiting for it up to five seconds. */
  async function next(): Promise<Packet> {
    while (arrived.length === 0) await within(Promise.race([news.promise, failWhen(closed)]), 'a packet')
    return arrived.shift() as Packet
  }

  const bytes = generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: '',
    keepalive: 60,
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
    ...(will ? { will: { qos: 0, retain: false, ...will, payload: Buffer.from(will.payload) } } : {}),
    ...options
  })
  tamper?.(bytes)
  socket.write(bytes)
  const connack = await next()

  return {
    socket,
    connack,
    send,
    next,
    /** What has come and was not asked for yet. */
    arrived,
    /** Resolves when the connection has ended. */
    closed,
    /** Subscribes without waiting. */
    subscribe: (messageId: number, topics: string[], qos: 0 | 1 | 2 = 1) =>
      send({ cmd: 'subscribe', messageId, subscriptions: topics.map((topic) => ({ topic, qos })) }),
    /** Publishes without waiting. */
    publish: (messageId: number, topic: string, payload: string, qos: 0 | 1 | 2 = 1) =>
      send({ cmd: 'publish', messageId, topic, payload, qos, retain: false, dup: false }),
    acknowledge: (messageId: number | undefined) => send({ cmd: 'puback', messageId: messageId ?? 0 }),
    [Symbol.asyncDispose]: async () => {
      socket.destroy()
      await closed
    }
  }
}

async function failWhen(closed: Promise<void>): Promise<void> {
  await closed
  throw new Error('the connection was closed')
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

/** Asks again until it is so, up to five seconds. */
export async function until(isSo: () => Promise<boolean> | boolean, what: string) {
  const end = Date.now() + 5000
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited 5 s for ${what}`)
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
