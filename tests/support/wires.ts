import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Hub } from '../../src/hub.ts'
import { listenForMqtt } from '../../src/mqtt/listeners.ts'
import type { Line, Wire } from '../../src/mqtt/wire.ts'

/** A listener without a broker: `pair` gives both ends of a connection, ours as the broker would have it. */
export async function wires(line: Partial<Line> = {}) {
  const coming: ((wire: Wire) => void)[] = []
  const config = { host: '127.0.0.1', mqttPort: 0, tls: undefined } as Hub['config']
  const listener = await listenForMqtt(
    { config },
    {
      handle: (wire) => coming.shift()?.(wire),
      line: { arrived() {}, closed() {}, ...line }
    }
  )
  const far: Socket[] = []

  return {
    async pair() {
      const { promise, resolve } = Promise.withResolvers<Wire>()
      coming.push(resolve)
      const socket = connect(listener.port, '127.0.0.1').on('error', () => {})
      far.push(socket)
      await once(socket, 'connect')
      return { near: await promise, far: socket }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of far) socket.destroy()
      listener.stop()
    }
  }
}
