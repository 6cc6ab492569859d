import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { type Address, connectFrom } from './address.ts'

const patience = 20_000

/** The reason where it was the device that went. */
export const dropped = 'dropped'

export type MqttLink = ReturnType<typeof createMqttLink>

type Needs = {
  address: Address
  index: number
  sign: { clientId: string; username: string; password: Buffer; clean: boolean; keepalive: number }
  filters: string[]
  on: {
    /** Signed in and subscribed. */
    ready(): void
    publish(packet: IPublishPacket): void
    /** The hub has stored what was published under that number. */
    acknowledged(messageId: number): void
    /** It is over, and nothing follows. */
    closed(reason: string): void
  }
}

/** One MQTT 3.1.1 connection over a bare socket: it signs in, subscribes at QoS 1, and says what comes. */
export function createMqttLink({ address, index, sign, filters, on }: Needs) {
  let socket: Bun.Socket | undefined
  let over = false
  let lastId = 1
  const timer = setTimeout(() => end(`MQTT: not subscribed in ${patience / 1000} s`), patience)
  const reader = parser()

  function end(reason: string) {
    if (over) return
    over = true
    clearTimeout(timer)
    socket?.terminate()
    on.closed(reason)
  }

  function send(packet: Packet) {
    const bytes = generate(packet)
    if (socket && socket.write(bytes) !== bytes.length) end('MQTT: a packet did not fit the socket')
  }

  function receive(packet: Packet) {
    if (over) return
    if (packet.cmd === 'connack') return packet.returnCode === 0 ? subscribe() : end(`MQTT: refused with ${packet.returnCode}`)
    if (packet.cmd === 'suback') return packet.granted.every((qos) => qos === 1) ? ready() : end('MQTT: may not subscribe')
    if (packet.cmd === 'publish') return on.publish(packet)
    if (packet.cmd === 'puback') on.acknowledged(packet.messageId ?? 0)
  }

  function subscribe() {
    send({ cmd: 'subscribe', messageId: 1, subscriptions: filters.map((topic) => ({ topic, qos: 1 })) })
  }

  function ready() {
    clearTimeout(timer)
    on.ready()
  }

  reader.on('packet', receive)
  reader.on('error', () => end('MQTT: not understood'))
  const handlers: Bun.SocketHandler<undefined> = {
    open(made) {
      socket = made
      if (over) return made.terminate()
      send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, ...sign })
    },
    data: (_socket, bytes) => void reader.parse(bytes),
    close: () => end('MQTT: closed by the hub'),
    connectError: () => end('MQTT: no connection')
  }
  Bun.connect(connectFrom(index, address, { socket: handlers })).catch(() => {}) // `connectError` has told

  return {
    /** Acknowledges a message. */
    acknowledge: (messageId: number) => send({ cmd: 'puback', messageId }),

    /** Publishes at QoS 1; gives the number that will be acknowledged. */
    publish(topic: string, payload: string) {
      lastId += 1
      send({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false, messageId: lastId })
      return lastId
    },

    /** Says that it is still there. */
    ping: () => send({ cmd: 'pingreq' }),

    /** Goes without DISCONNECT. */
    drop: () => end(dropped)
  }
}
