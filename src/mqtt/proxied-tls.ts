import { createServer, type Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { awaitIntroduction } from './introductions.ts'
import { type Line, Wire } from './wire.ts'

/** A connection over TLS that a proxy has passed on: its header comes before the handshake, which Bun's own sockets know nothing of. */
class TlsWire extends Wire {
  #socket: TLSSocket

  constructor(line: Line, socket: TLSSocket, address: string) {
    super(line, address)
    this.#socket = socket
  }

  override probeAfter(ms: number) {
    this.#socket.setKeepAlive(true, ms)
  }

  /** The socket takes all and keeps what the other end does not; once it has begun to, that is waited for. */
  protected override transmit(bytes: Uint8Array) {
    if (!this.#socket.write(bytes)) this.block()
    return bytes.length
  }

  protected override hangUp() {
    this.#socket.destroySoon()
  }

  protected override pause() {
    this.#socket.pause()
  }

  protected override resume() {
    this.#socket.resume()
  }
}

type Listening = {
  host: string
  port: number
  cert: Buffer
  key: Buffer
  line: Line
  handle(wire: Wire): void
  isProxy(address: string): boolean
}

/** Listens for MQTT over TLS behind proxies that say for whom each connection is; others are taken as they come. */
export async function listenBehindProxies({ host, port, cert, key, line, handle, isProxy }: Listening) {
  const secureContext = createSecureContext({ cert, key })
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    const peer = socket.remoteAddress ?? ''
    const begin = (address: string) => handle(secured(socket, { secureContext, line, address }))
    if (isProxy(peer)) introduce(socket, (address) => begin(address ?? peer))
    else begin(peer)
  })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(port, host, listening.resolve)
  await listening.promise
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    stop: () => void server.close()
  }
}

function introduce(socket: Socket, begin: (address: string | undefined) => void) {
  const waiting = awaitIntroduction({
    introduced({ address }, rest) {
      socket.removeListener('data', waiting.receive).removeListener('end', waiting.end)
      socket.pause()
      if (rest.length > 0) socket.unshift(rest)
      begin(address)
    },
    refused: () => void socket.destroy()
  })
  socket
    .on('data', waiting.receive)
    .on('end', waiting.end)
    .on('close', () => waiting.close())
}

type Securing = { secureContext: SecureContext; line: Line; address: string }

function secured(raw: Socket, { secureContext, line, address }: Securing) {
  const socket = new TLSSocket(raw, { isServer: true, secureContext })
  const wire = new TlsWire(line, socket, address)
  socket.on('data', (bytes: Buffer) => wire.receive(Buffer.from(bytes))) // its memory may be that of other chunks too
  socket.on('drain', () => wire.drain())
  socket.on('end', () => wire.end())
  socket.on('error', () => socket.destroy())
  raw.on('close', () => wire.close())
  return wire
}
