import type { Client, Connection } from 'aedes'
import type { Hub } from '../../hub.ts'
import type { MqttLimits } from '../limits.ts'
import { createAdmission } from './admission.ts'
import type { AedesClient } from './aedes.ts'
import { type Bucket, fullBucket } from './bucket.ts'
import { guardFrames } from './frames.ts'
import { readInTurn } from './reading.ts'
import { Refusal, reasonOf } from './refusals.ts'
import { watchStalls } from './stalls.ts'

export type Guards = ReturnType<typeof createGuards>

/** What keeps one client, whatever it sends or does not take, from costing the others anything. */
export function createGuards({ config, log, metrics }: Pick<Hub, 'config' | 'log' | 'metrics'>, limits: MqttLimits) {
  const rate = { perSecond: limits.packetsPerSecond, atOnce: limits.packetsAtOnce }
  const buckets = new WeakMap<Client, Bucket>()
  const { mqttMaxConnections: connections, mqttMaxConnectionsPerAddress: connectionsPerAddress } = config
  const count = (reason: string) => metrics.refused('mqtt', reason)
  const admission = createAdmission({ ...limits, connections, connectionsPerAddress }, count)
  const { streams, isSignedIn } = admission
  const stopWatching = watchStalls({ streams, stalledFor: limits.stalledFor, cutOff: cutOffStalled })

  function cutOffStalled(stream: Connection & { client?: Client }) {
    if (stream.client) stream.client.emit('error', new Refusal('stalled', 'takes nothing of what it is sent'))
    else stream.destroy()
  }

  return {
    /** Everybody who is connected. */
    streams,

    /** Counts a connection in; gives whether it may stay. */
    admit: admission.admit,

    /** Whether a connection has signed in. */
    isSignedIn,

    /** Stands between a client and Aedes from its first byte on. */
    guard(client: Client) {
      const bucket = fullBucket(rate)
      buckets.set(client, bucket)
      guardFrames(client as AedesClient, { limits, bucket, isSignedIn: ({ conn }) => isSignedIn(conn) })
      readInTurn(client as AedesClient, (error) => log.error({ err: error }, 'unexpected error in a packet'))
    },

    /** A client has signed in: it may send larger packets. */
    signedIn: ({ conn }: Client) => admission.signedIn(conn),

    /** A client has acknowledged what it was sent: that packet was called for, and costs it nothing. */
    acknowledged(client: Client) {
      const bucket = buckets.get(client)
      if (bucket) bucket.tokens++
    },

    /** A client has been cut off, or has broken off: what was refused is counted by its reason. */
    ended(client: Client, error: Error) {
      const reason = reasonOf(error)
      if (reason) count(reason)
      log.debug({ client: client.id ?? undefined, reason: error.message }, 'MQTT client cut off')
    },

    stop: stopWatching
  }
}
