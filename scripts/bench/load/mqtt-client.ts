import type { Socket } from 'bun'
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { deploymentTopic, nameOf, owner, relaunchTopic, secretOf } from '../fleet.ts'

const keepalive = 600 // as good as never within a measurement, but both brokers keep its clock
const retryAfter = 250

/** What a device tells of itself: `ready` once it has subscribed, `publish` for each message, already acknowledged. */
export type Events = {
  ready(device: Device): void
  publish(device: Device, packet: IPublishPacket): void
  retried(reason: string): void
}

export type Device = ReturnType<typeof createDevice>

const connectPacket = (number: number) =>
  generate({
    cmd: 'connect',
    clientId: nameOf(number),
    clean: true,
    keepalive,
    username: `${owner.username}/${nameOf(number)}`,
    password: Buffer.from(secretOf(number))
  })

const subscribePacket = (number: number) =>
  generate({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [deploymentTopic(number), relaunchTopic(number)].map((topic) => ({ topic, qos: 1 as const }))
  })

/** Each device comes from a loopback address of its own, as devices do: limits by address are for others. */
const addressOf = (number: number) => `127.${10 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`

/** A device over a bare socket. It comes back by itself where it is refused or cut off, until it is dropped. */
export function createDevice(number: number, port: number, events: Events) {
  const packets = [connectPacket(number), subscribePacket(number)] as const
  let socket: Socket | undefined
  let dropped = false

  function receive(packet: Packet) {
    if (packet.cmd === 'connack' && packet.returnCode === 0) socket?.write(packets[1])
    else if (packet.cmd === 'connack') events.retried(`CONNACK ${packet.returnCode}`)
    else if (packet.cmd === 'suback') events.ready(self)
    else if (packet.cmd === 'publish') {
      if (packet.qos === 1 && packet.messageId !== undefined)
        socket?.write(generate({ cmd: 'puback', messageId: packet.messageId }))
      events.publish(self, packet)
    }
  }

  function comeBack(reason: string) {
    if (dropped) return
    events.retried(reason)
    setTimeout(self.connect, retryAfter)
  }

  const self = {
    number,

    /** Connects, signs in and subscribes. */
    connect() {
      if (dropped) return
      const parse = parser().on('packet', receive)
      const handlers = {
        open(opened: Socket) {
          socket = opened
          if (dropped) opened.terminate()
          else opened.write(packets[0])
        },
        data: (_: Socket, chunk: Buffer) => void parse.parse(chunk),
        close: () => comeBack('closed'),
        connectError: (_: Socket, error: Error) => comeBack(error.message),
        error: () => {}
      }
      const options = { hostname: '127.0.0.1', port, socket: handlers, localAddress: addressOf(number) }
      void Bun.connect(options).catch(() => {}) // connectError tells of it
    },

    /** Cuts the connection without a goodbye, for good. */
    drop() {
      dropped = true
      socket?.terminate()
    }
  }
  return self
}
