import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Hub } from '../hub.ts'
import type { Broker } from './broker.ts'

const quietBeforeProbe = 60_000

/** Listens for MQTT over TCP, and over TLS when a certificate is configured. */
export async function listenForMqtt({ config: { host, mqttPort, tls }, log }: Hub, { admit, handle, limits }: Broker) {
  // A client without an MQTT keep-alive that has gone without a word is found out by TCP.
  const accept = (socket: Socket) => handle(socket.setNoDelay(true).setKeepAlive(true, quietBeforeProbe))
  const servers = [await listen(createServer(accept), mqttPort, host)]
  if (tls) {
    const cert = await readFile(tls.certFile)
    const key = await readFile(tls.keyFile)
    const server = createTlsServer({ cert, key, handshakeTimeout: limits.signInWithin }, accept)
    server.on('connection', admit) // who has not got through the handshake counts too
    server.on('tlsClientError', (_error, socket) => void socket.destroy())
    servers.push(await listen(server, tls.port, host))
  }
  for (const server of servers) server.on('error', (error) => log.error({ err: error }, 'MQTT listener'))
  const [port, tlsPort] = servers.map((server) => (server.address() as AddressInfo).port)
  return {
    port: port ?? mqttPort,
    tlsPort,
    /** Takes no new connections. */
    stop: () => {
      for (const server of servers) server.close()
    }
  }
}

async function listen(server: Server, port: number, host: string) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, host, resolve)
  await promise
  return server
}
