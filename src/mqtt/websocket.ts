import { Duplex } from 'node:stream'
import type { Server, ServerWebSocket, WebSocketHandler } from 'bun'
import type { Broker } from './broker.ts'
import { type Bucket, fullBucket, take } from './guards/bucket.ts'

const path = '/mqtt'
const header = 5 // of an MQTT packet: its type and its length
const framesPerPacket = 8 // a packet may come in pieces
const unreadAtMost = 256 * 1024

type Data = { address: string; frames: Bucket; stream?: WebSocketStream }

/** A WebSocket as the byte stream that the broker reads and writes. */
class WebSocketStream extends Duplex {
  readonly remoteAddress: string
  #socket: ServerWebSocket<Data>
  #drained: (() => void) | undefined

  constructor(socket: ServerWebSocket<Data>) {
    super()
    this.#socket = socket
    this.remoteAddress = socket.data.address
  }

  /** Hands on a frame in a turn of its own: pushed inside a read, it would be parsed in the middle of another packet. */
  receive(bytes: Buffer) {
    setImmediate(() => {
      if (this.destroyed) return
      // A WebSocket cannot be told to wait, so whoever sends faster than is read is cut off.
      if (!this.push(bytes) && this.readableLength > unreadAtMost) this.destroy()
    })
  }

  /** The other end has gone: what it sent before that, a DISCONNECT perhaps, is still read. */
  ended() {
    setImmediate(() => this.push(null))
  }

  /** There is room in the socket again. */
  drain() {
    const drained = this.#drained
    this.#drained = undefined
    drained?.()
  }

  override _read() {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void) {
    const sent = this.#socket.sendBinary(chunk)
    if (sent === 0) return done(new Error('The WebSocket is closed'))
    if (sent === -1) this.#drained = done
    else done()
  }

  /** The many small writes of one packet become one frame. */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void) {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'binary', done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void) {
    this.drain()
    this.#socket.close()
    done(error)
  }
}

export type WebSocketConnections = ReturnType<typeof createWebSocketConnections>

/** MQTT over WebSocket: what `Bun.serve` needs to hand its sockets to the broker (MQTT 3.1.1 section 6). */
export function createWebSocketConnections({ handle, isSignedIn, limits }: Pick<Broker, 'handle' | 'isSignedIn' | 'limits'>) {
  const rate = { perSecond: limits.packetsPerSecond * framesPerPacket, atOnce: limits.packetsAtOnce * framesPerPacket }
  const isTooLong = ({ length }: Buffer, { stream }: Data) =>
    length > limits.packetBeforeSignIn + header && !(stream && isSignedIn(stream))

  const handlers: WebSocketHandler<Data> = {
    maxPayloadLength: limits.packet + header,
    backpressureLimit: 1024 * 1024,
    closeOnBackpressureLimit: true,
    idleTimeout: 0, // the MQTT keep-alive decides
    sendPings: false,
    open(socket) {
      socket.data.stream = new WebSocketStream(socket)
      handle(socket.data.stream)
    },
    message(socket, message) {
      if (typeof message === 'string') return socket.close(1003, 'MQTT is binary') // [MQTT-6.0.0-1]
      if (!take(socket.data.frames, 1, rate)) return socket.close(1008, 'Too many frames')
      if (isTooLong(message, socket.data)) return socket.close(1009, 'Sign in first')
      socket.data.stream?.receive(Buffer.from(message))
    },
    drain: (socket) => socket.data.stream?.drain(),
    close: (socket) => socket.data.stream?.ended()
  }

  return {
    handlers,
    /** Takes over a request for `/mqtt`: `upgraded`, or the answer to one that is no MQTT WebSocket; undefined for other paths. */
    upgrade(request: Request, server: Server<Data>): 'upgraded' | Response | undefined {
      if (!isForMqtt(request.url)) return undefined
      const offered =
        request.headers
          .get('sec-websocket-protocol')
          ?.split(',')
          .map((name) => name.trim()) ?? []
      if (!offered.includes('mqtt')) return refusal('Connect with a WebSocket of the subprotocol mqtt') // [MQTT-6.0.0-3]
      const data = { address: server.requestIP(request)?.address ?? 'unknown', frames: fullBucket(rate) }
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
