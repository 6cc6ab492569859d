import type { MqttLimits } from '../limits.ts'
import { compact, skip, type Unread, whole } from '../unread.ts'
import { isSignedIn } from '../wire.ts'
import type { AedesClient, ParsedPacket } from './aedes.ts'
import { take } from './bucket.ts'
import { readFields } from './fields.ts'
import { faultOfHeader, headerOf } from './packets.ts'
import { Refusal } from './refusals.ts'

const inTurn = 16 * 1024

type Needs = {
  limits: MqttLimits
  /** Hands a packet on; it is dealt with when `_parsingBatch` says so. */
  handOn(client: AedesClient, packet: ParsedPacket): void
}

/**
 * Stands between the bytes of a client and what Aedes does with its packets: Aedes and mqtt-packet alone would gather 256 MB for
 * a CONNECT, hand on whatever they can make out, and take in as fast as a client sends. Each packet is looked at when its
 * length is known, before any more of it is kept, and again when it is parsed; and no more are read until those
 * before are dealt with: the rest waits in the socket, and the client with it.
 */
export function createReading({ limits, handOn }: Needs) {
  const rate = { perSecond: limits.packetsPerSecond, atOnce: limits.packetsAtOnce }

  function pay(client: AedesClient, count: number, what: string) {
    if (count > 0 && !take(client.bucket, count, rate)) throw new Refusal('too_fast', `too many ${what}`)
  }

  function nextHeader(client: AedesClient, unread: Unread) {
    const header = headerOf(unread)
    if (!header) return undefined
    if (header.length > (isSignedIn(client.conn) ? limits.packet : limits.packetBeforeSignIn))
      throw new Refusal('too_large', 'the packet is too long')
    pay(client, 1, 'packets')
    const fault = faultOfHeader(header, client.connecting || client.connected)
    if (fault) throw fault
    return header
  }

  /** The packet that has come; undefined where it is not all there. */
  function nextPacket(client: AedesClient, unread: Unread) {
    client.header ??= nextHeader(client, unread)
    const { header } = client
    if (!header || unread.length < header.size + header.length) return undefined
    client.header = undefined
    const bytes = whole(unread, header.size + header.length)
    const packet = checked(client, readFields(header, bytes, unread.from + header.size))
    skip(unread, header.size + header.length)
    return packet
  }

  function checked(client: AedesClient, packet: ParsedPacket) {
    const filters = (packet.subscriptions ?? packet.unsubscriptions)?.length ?? 1
    if (filters > limits.filters) throw new Refusal('too_large', 'too many filters in a packet')
    pay(client, filters - 1, 'filters')
    // QoS 2 is not offered: what is granted is at most QoS 1 [MQTT-3.8.4-6].
    for (const subscription of packet.subscriptions ?? []) subscription.qos = Math.min(subscription.qos, 1)
    return packet
  }

  return {
    /**
     * Hands on a share of what has come, once what came before is dealt with. Gives whether that was all there is to read,
     * but for the beginning of a packet.
     */
    read(client: AedesClient) {
      const { conn } = client
      for (let share = inTurn; conn.unread && share > 0 && isReady(client); ) {
        const packet = nextPacket(client, conn.unread)
        if (!packet) {
          conn.keep(compact(conn.unread))
          return true
        }
        conn.keep(conn.unread.length > 0 ? conn.unread : undefined)
        share -= packet.size + packet.length
        handOn(client, packet)
      }
      return conn.unread === undefined
    }
  }
}

/** Whether a client has its next packet read: not while its CONNECT is looked at. */
export const isReady = ({ connecting, closed, conn }: AedesClient) => !connecting && !closed && !conn.destroyed
