import type { Client } from 'aedes'
import type { Hub } from '../../hub.ts'
import type { MqttLimits } from '../limits.ts'
import type { Wire } from '../wire.ts'
import { createAdmission } from './admission.ts'
import { insideOf } from './aedes.ts'
import { Refusal, reasonOf } from './refusals.ts'
import { watch } from './watch.ts'

export type Guards = ReturnType<typeof createGuards>

/** What keeps one client, whatever it sends or does not take, from costing the others anything. */
export function createGuards({ config, log, metrics }: Pick<Hub, 'config' | 'log' | 'metrics'>, limits: MqttLimits) {
  const { mqttMaxConnections: connections, mqttMaxConnectionsPerAddress: connectionsPerAddress } = config
  const count = (reason: string) => metrics.refused('mqtt', reason)
  const admission = createAdmission({ ...limits, connections, connectionsPerAddress }, count)
  const { admit, left, wires } = admission
  const stopWatching = watch({ wires, limits, cutOff })

  function cutOff(wire: Wire, error: Error) {
    if (wire.client) return void wire.client.emit('error', error)
    if (error instanceof Refusal) count(error.reason)
    wire.destroy()
  }

  return {
    /** Everybody who is connected. */
    wires,

    /** Counts a connection in; gives whether it may stay. */
    admit,

    /** Counts a connection out. */
    left,

    /** A client has signed in: it may send larger packets. */
    signedIn: (client: Client) => admission.signedIn(insideOf(client).conn),

    /** A client has acknowledged what it was sent: that packet was called for, and costs it nothing. */
    acknowledged: (client: Client) => void insideOf(client).bucket.tokens++,

    /** A client has been cut off, or has broken off: what was refused is counted by its reason. */
    ended(client: Client, error: Error) {
      const reason = reasonOf(error)
      if (reason) count(reason)
      log.debug({ client: client.id ?? undefined, reason: error.message }, 'MQTT client cut off')
    },

    stop: stopWatching
  }
}
