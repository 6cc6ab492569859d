import { readFile } from 'node:fs/promises'
import type { Socket, SocketHandler, TLSOptions } from 'bun'
import type { Hub } from '../hub.ts'
import type { Broker } from './broker.ts'
import { awaitIntroduction, type Receiver } from './introductions.ts'
import { listenBehindProxies } from './proxied-tls.ts'
import { type Line, Wire } from './wire.ts'

/** A connection over TCP or TLS. */
class SocketWire extends Wire {
  #socket: Socket<Receiver>

  constructor(line: Line, socket: Socket<Receiver>, address: string) {
    super(line, address)
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

type Edge = Pick<Broker, 'handle' | 'line'>

/** Listens for MQTT over TCP, and over TLS when a certificate is configured; behind proxies, where these are said to tell for whom. */
export async function listenForMqtt({ config }: Pick<Hub, 'config'>, { handle, line }: Edge) {
  const { host, mqttPort, tls, trustedProxies, mqttProxyProtocol } = config
  const isProxy = (address: string) => mqttProxyProtocol && trustedProxies.has(address)

  function opened(socket: Socket<Receiver>) {
    const peer = socket.remoteAddress
    if (!isProxy(peer)) return handle(new SocketWire(line, socket, peer))
    socket.data = awaitIntroduction({
      introduced({ address = peer }, rest) {
        const wire = new SocketWire(line, socket, address)
        handle(wire)
        wire.receive(rest)
      },
      refused: () => socket.close()
    })
  }

  const socket: SocketHandler<Receiver> = {
    open: opened,
    handshake() {}, // so that `open` comes before it: who does not get through it counts too, and is ended in time
    data: ({ data: wire }, bytes) => wire.receive(bytes),
    drain: ({ data: wire }) => wire.drain(),
    end: ({ data: wire }) => wire.end(),
    close: ({ data: wire }, error) => wire.close(error),
    error() {}
  }
  const listen = (port: number, more: { tls?: TLSOptions } = {}) =>
    Bun.listen<Receiver>({ hostname: host, port, socket, allowHalfOpen: true, ...more })

  async function listenSecurely({ port, certFile, keyFile }: NonNullable<typeof tls>) {
    const [cert, key] = [await readFile(certFile), await readFile(keyFile)]
    if (mqttProxyProtocol) return listenBehindProxies({ host, port, cert, key, line, handle, isProxy })
    return listen(port, { tls: { cert, key } })
  }

  const plain = listen(mqttPort)
  const secure = tls && (await listenSecurely(tls))
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
