import { once } from 'node:events'
import { connect } from 'node:net'
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet'

type Will = { topic: string; payload: string; qos?: 0 | 1 | 2; retain?: boolean }

export type ConnectOptions = Partial<Omit<IConnectPacket, 'password' | 'will'>> & { password?: string; will?: Will }

/** The bytes of a CONNECT. */
export const connectBytes = ({ password, will, ...options }: ConnectOptions = {}) =>
  generate({
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

/** A bare connection: bytes and packets as they are, nothing answered or acknowledged by itself. */
export async function bareClient(port: number) {
  const socket = connect(port, '127.0.0.1')
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
  await once(socket, 'connect')
  const sendBytes = (bytes: Uint8Array | number[]) =>
    void socket.write(bytes instanceof Uint8Array ? bytes : Uint8Array.from(bytes))

  return {
    socket,
    /** What has come and was not asked for yet. */
    arrived,
    /** Resolves when the connection has ended. */
    closed,
    sendBytes,
    send: (...packets: Packet[]) => sendBytes(Buffer.concat(packets.map((packet) => generate(packet)))),

    /** The next packet, waiting for it up to five seconds. */
    async next(): Promise<Packet> {
      while (arrived.length === 0) await within(Promise.race([news.promise, failWhen(closed)]), 'a packet')
      return arrived.shift() as Packet
    },

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
