import type { Server, ServerWebSocket, WebSocketHandler } from 'bun'
import type { Broker } from './broker.ts'
import { type Bucket, fullBucket, take } from './guards/bucket.ts'
import { isSignedIn, type Line, Wire } from './wire.ts'

const path = '/mqtt'
const header = 5 // of an MQTT packet: its type and its length
const framesPerPacket = 8 // a packet may come in pieces
const unreadAtMost = 256 * 1024

type Data = { address: string; frames: Bucket; wire?: WebSocketWire }

type Door = { server: Server<Data>; addressOf(request: Request): string }

/** A connection over a WebSocket: its bytes are the same, however they lie in frames. */
class WebSocketWire extends Wire {
  #socket: ServerWebSocket<Data>

  constructor(line: Line, socket: ServerWebSocket<Data>) {
    super(line, socket.data.address)
    this.#socket = socket
  }

  /** The socket takes all and keeps what the other end does not; once it has begun to, that is waited for. */
  protected override transmit(bytes: Uint8Array) {
    const sent = this.#socket.sendBinary(bytes)
    if (sent === -1) this.block()
    return bytes.length
  }

  /** A WebSocket cannot be told to wait, so whoever sends faster than is read is cut off. */
  override receive(bytes: Buffer) {
    super.receive(bytes)
    if (this.unread && this.unread.length > unreadAtMost) this.destroy()
  }

  protected override hangUp() {
    this.#socket.close()
  }

  protected override pause() {}

  protected override resume() {}
}

export type WebSocketConnections = ReturnType<typeof createWebSocketConnections>

/** MQTT over WebSocket: what `Bun.serve` needs to hand its sockets to the broker (MQTT 3.1.1 section 6). */
export function createWebSocketConnections({ handle, line, limits }: Pick<Broker, 'handle' | 'line' | 'limits'>) {
  const rate = { perSecond: limits.packetsPerSecond * framesPerPacket, atOnce: limits.packetsAtOnce * framesPerPacket }
  const isTooLong = ({ length }: Buffer, { wire }: Data) =>
    length > limits.packetBeforeSignIn + header && !(wire && isSignedIn(wire))

  const handlers: WebSocketHandler<Data> = {
    maxPayloadLength: limits.packet + header,
    backpressureLimit: 1024 * 1024,
    closeOnBackpressureLimit: true,
    idleTimeout: 0, // the MQTT keep-alive decides
    sendPings: false,
    open(socket) {
      socket.data.wire = new WebSocketWire(line, socket)
      handle(socket.data.wire)
    },
    message(socket, message) {
      if (typeof message === 'string') return socket.close(1003, 'MQTT is binary') // [MQTT-6.0.0-1]
      if (!take(socket.data.frames, 1, rate)) return socket.close(1008, 'Too many frames')
      if (isTooLong(message, socket.data)) return socket.close(1009, 'Sign in first')
      socket.data.wire?.receive(Buffer.from(message))
    },
    drain: (socket) => socket.data.wire?.drain(),
    close: (socket) => socket.data.wire?.close()
  }

  return {
    handlers,
    /** Takes over a request for `/mqtt`: `upgraded`, or the answer to one that is no MQTT WebSocket; undefined for other paths. */
    upgrade(request: Request, { server, addressOf }: Door): 'upgraded' | Response | undefined {
      if (!isForMqtt(request.url)) return undefined
      const offered =
        request.headers
          .get('sec-websocket-protocol')
          ?.split(',')
          .map((name) => name.trim()) ?? []
      if (!offered.includes('mqtt')) return refusal('Connect with a WebSocket of the subprotocol mqtt') // [MQTT-6.0.0-3]
      const data = { address: addressOf(request), frames: fullBucket(rate) }
      const upgraded = server.upgrade(request, { data, headers: { 'sec-websocket-protocol': 'mqtt' } }) // [MQTT-6.0.0-4]
      return upgraded ? 'upgraded' : refusal('Connect with a WebSocket')
    }
  }
}

const isForMqtt = (url: string) => {
  const start = url.indexOf('/', 8)
  return url.startsWith(path, start) && (url.length === start + path.length || url[start + path.length] === '?')
}

const refusal = (message: string) => Response.json({ message }, { status: 426, headers: { upgrade: 'websocket' } })
