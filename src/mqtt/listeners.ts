import { readFile } from 'node:fs/promises'
import type { Socket, SocketHandler, TLSOptions } from 'bun'
import type { Hub } from '../hub.ts'
import type { Broker } from './broker.ts'
import { type Line, Wire } from './wire.ts'

/** A connection over TCP or TLS. */
class SocketWire extends Wire {
  #socket: Socket<SocketWire>

  constructor(line: Line, socket: Socket<SocketWire>) {
    super(line, socket.remoteAddress)
    this.#socket = socket
    socket.data = this
  }

  override probeAfter(ms: number) {
    this.#socket.setKeepAlive(true, ms)
  }

  protected override transmit(bytes: Uint8Array) {
    return this.#socket.write(bytes)
  }

  /** `end` would wait, with TLS, for the other end to say goodbye. */
  protected override hangUp() {
    this.#socket.close()
  }

  protected override pause() {
    this.#socket.pause()
  }

  protected override resume() {
    this.#socket.resume()
  }
}

/** Listens for MQTT over TCP, and over TLS when a certificate is configured. */
export async function listenForMqtt(
  { config: { host, mqttPort, tls } }: Pick<Hub, 'config'>,
  { handle, line }: Pick<Broker, 'handle' | 'line'>
) {
  const socket: SocketHandler<SocketWire> = {
    open: (opened) => handle(new SocketWire(line, opened)),
    handshake() {}, // so that `open` comes before it: who does not get through it counts too, and is ended in time
    data: ({ data: wire }, bytes) => wire.receive(bytes),
    drain: ({ data: wire }) => wire.drain(),
    end: ({ data: wire }) => wire.end(),
    close: ({ data: wire }, error) => wire.close(error),
    error() {}
  }
  const listen = (port: number, more: { tls?: TLSOptions } = {}) =>
    Bun.listen<SocketWire>({ hostname: host, port, socket, allowHalfOpen: true, ...more })

  const plain = listen(mqttPort)
  const secure = tls && listen(tls.port, { tls: { cert: await readFile(tls.certFile), key: await readFile(tls.keyFile) } })
  return {
    port: plain.port,
    tlsPort: secure?.port,
    /** Takes no new connections. */
    stop() {
      plain.stop()
      secure?.stop()
    }
  }
}
