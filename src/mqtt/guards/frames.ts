import type { MqttLimits } from '../limits.ts'
import type { AedesClient } from './aedes.ts'
import { type Bucket, take } from './bucket.ts'
import { faultOf, faultOfHeader } from './packets.ts'
import { Refusal } from './refusals.ts'

const unacceptableVersion = Buffer.from([0x20, 2, 0, 1])
const versionError = 'Invalid protocol version'

type Needs = { limits: MqttLimits; bucket: Bucket; isSignedIn(client: AedesClient): boolean }

/**
 * Stands between the bytes of a client and what Aedes does with its packets: mqtt-packet alone would gather 256 MB for a
 * CONNECT, and hand on whatever it can make out. Each packet passes twice: when its length is known, before any more of
 * it is kept, and when it is parsed.
 */
export function guardFrames(client: AedesClient, { limits, bucket, isSignedIn }: Needs) {
  const parser = client._parser
  const parseLength = parser._parseLength
  const newPacket = parser._newPacket
  const emitError = parser._emitError
  const rate = { perSecond: limits.packetsPerSecond, atOnce: limits.packetsAtOnce }
  const isOver = () => client.closed || client.conn.destroyed

  function refuse(refusal: Refusal) {
    emitError.call(parser, refusal)
    return false
  }

  parser._parseLength = () => {
    if (isOver()) return false // nothing that came behind its end counts
    if (!parseLength.call(parser)) return false
    const { packet } = parser
    if (packet.length > (isSignedIn(client) ? limits.packet : limits.packetBeforeSignIn))
      return refuse(new Refusal('too_large', 'the packet is too long'))
    if (!take(bucket, 1, rate)) return refuse(new Refusal('too_fast', 'too many packets'))
    const fault = faultOfHeader(packet, client.connecting || client.connected)
    return fault ? refuse(fault) : true
  }

  parser._newPacket = () => {
    const { packet } = parser
    const fault = faultOf(packet, parser._pos)
    if (fault) return refuse(fault)
    const filters = (packet.subscriptions ?? packet.unsubscriptions)?.length ?? 1
    if (filters > limits.filters) return refuse(new Refusal('too_large', 'too many filters in a packet'))
    if (filters > 1 && !take(bucket, filters - 1, rate)) return refuse(new Refusal('too_fast', 'too many filters'))
    // QoS 2 is not offered: what is granted is at most QoS 1 [MQTT-3.8.4-6].
    for (const subscription of packet.subscriptions ?? []) subscription.qos = Math.min(subscription.qos, 1)
    return newPacket.call(parser)
  }

  parser._emitError = ({ message }) => {
    const isVersion = message === versionError
    if (isVersion && !client.connecting) client.conn.write(unacceptableVersion) // [MQTT-3.1.2-2]
    refuse(new Refusal(isVersion ? 'protocol_version' : 'malformed', message))
  }
}
