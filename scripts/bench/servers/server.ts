import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'

const patience = 60_000

/** A server that is up, as a process of its own. */
export type Server = { pid: number; port: number; stop(): Promise<void> }

/** A port on the loopback interface that nobody listens on. */
export async function sparePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

type Starting = { what: string; child: { exitCode: number | null }; output: string }

/** Waits until `ready` gives something; throws with what the process has written where it ends before that. */
export async function whenReady<T>({ what, child, output }: Starting, ready: () => Promise<T | undefined>): Promise<T> {
  for (const late = performance.now() + patience; performance.now() < late; await after(20)) {
    const value = await ready()
    if (value !== undefined) return value
    if (child.exitCode !== null) break
  }
  const said = await readFile(output, 'utf8').catch(() => '')
  throw new Error(`${what} did not start: ${said.trim().slice(-500)}`)
}

/** Gives the port once something listens on it. */
export async function answers(port: number) {
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  const socket = connect(port, '127.0.0.1', () => resolve(port))
  socket.on('error', () => resolve(undefined))
  const result = await promise
  socket.destroy()
  return result
}
