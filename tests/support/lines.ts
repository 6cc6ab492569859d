import { Aedes } from 'aedes'
import { createLog } from '../../src/lib/log.ts'
import type { AedesClient, ParsedPacket } from '../../src/mqtt/guards/aedes.ts'
import { defaultMqttLimits } from '../../src/mqtt/limits.ts'
import { createLines } from '../../src/mqtt/lines.ts'
import { createBudget } from '../../src/mqtt/turns.ts'
import { connectBytes } from './bare.ts'
import { until } from './mqtt.ts'
import { wires } from './wires.ts'

/** Aedes as it comes, behind the hub's connections: everybody is let in, and `publish` is handed what they publish. */
export async function lines(publish: (client: AedesClient, packet: ParsedPacket) => void) {
  const broker = await Aedes.createBroker()
  const logged: string[] = []
  const log = createLog('debug', { write: (line) => void logged.push(line) })
  const left: unknown[] = []
  const guards = { left() {} } as never
  const needs = { broker, guards, limits: defaultMqttLimits, budget: createBudget(8), log }
  const connect = async (client: AedesClient) => {
    Object.assign(client, { id: 'one', connected: true, connackSent: true })
  }
  const line = createLines({ ...needs, connect, publish, left: (client) => void left.push(client) })
  const set = await wires(line)

  return {
    broker,
    left,
    logged: () => logged.join(''),
    pair: set.pair,
    /** One that has signed in. */
    async client() {
      const { near, far } = await set.pair()
      far.write(connectBytes({ clientId: 'one' }))
      await until(() => near.client?.connected === true, 'the CONNECT to be dealt with')
      return { near, far }
    },
    async [Symbol.asyncDispose]() {
      await set[Symbol.asyncDispose]()
      await new Promise<void>((resolve) => broker.close(resolve))
    }
  }
}
