import mqtt, { type IClientOptions, type IPublishPacket } from 'mqtt'
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

export const mqttUrl = (hub: TestHub) => `mqtt://127.0.0.1:${hub.ports.mqtt}`

/** A device's own connection. */
export const deviceClient = (
  hub: TestHub,
  user: TestUser,
  device: { name: string; secret: string },
  options: IClientOptions = {}
) => mqttClient(mqttUrl(hub), { username: `${user.name}/${device.name}`, password: device.secret, ...options })

/** A user's connection, by token. */
export const userClient = (hub: TestHub, user: { token: string }, options: IClientOptions = {}) =>
  mqttClient(mqttUrl(hub), { username: 'user', password: user.token, ...options })
