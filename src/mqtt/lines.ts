import type { Aedes, Client } from 'aedes'
import type { Log } from '../lib/log.ts'
import type { Connect } from './connect.ts'
import { type AedesClient, outsideOf, type ParsedPacket } from './guards/aedes.ts'
import { fullBucket } from './guards/bucket.ts'
import type { Guards } from './guards/clients.ts'
import { createLeanClients } from './guards/lean.ts'
import { createReading, isReady } from './guards/reading.ts'
import { Refusal } from './guards/refusals.ts'
import { namesTwice, subscribeToEach } from './guards/repeated-filters.ts'
import type { MqttLimits } from './limits.ts'
import type { Publishing } from './publishing.ts'
import { type Budget, createTurns } from './turns.ts'
import type { Line, Wire } from './wire.ts'

type Needs = {
  broker: Aedes
  guards: Guards
  limits: MqttLimits
  budget: Budget
  log: Log
  connect: Connect
  publish: Publishing['publish']
  /** A client that had come is gone. */
  left(client: Client): void
}

/** Connections from their first byte to their end: what has happened to each is dealt with when its turn comes. */
export function createLines({
  broker,
  guards,
  limits,
  budget,
  log,
  connect,
  publish,
  left
}: Needs): Line & { waiting(): number } {
  const turns = createTurns(budget, serve)
  const newBucket = () => fullBucket({ perSecond: limits.packetsPerSecond, atOnce: limits.packetsAtOnce })
  const clients = createLeanClients(broker, { newBucket, dealtWith })
  const reading = createReading({ limits, handOn })

  function handOn(client: AedesClient, packet: ParsedPacket) {
    if (packet.cmd === 'publish') return publish(client, packet)
    if (namesTwice(packet)) return subscribeToEach(client, packet)
    if (packet.cmd !== 'connect') return clients.handOn(client, packet)
    client._parsingBatch++
    connect(client, packet).then(
      () => client._nextBatch(),
      (error: unknown) => cutOff(client.conn, error)
    )
  }

  function dealtWith(client: AedesClient, error?: Error | null) {
    if (error) return void client.emit('error', error)
    client._parsingBatch = Math.max(0, client._parsingBatch - 1)
    if (client._parsingBatch === 0 && (client.conn.unread || client.conn.ended)) turns.add(client.conn)
  }

  function serve(wire: Wire) {
    if (wire.isOver) return
    try {
      if (isAtEnd(wire)) end(wire)
    } catch (error) {
      cutOff(wire, error)
    }
  }

  /** Reads on; gives whether that was the last of a connection. Aedes hears of one when its first byte is there. */
  function isAtEnd(wire: Wire) {
    if (wire.destroyed || wire.client?.closed) return true
    const client = wire.client ?? (wire.unread ? clients.create(wire) : undefined)
    return (!client || hasReadAll(client)) && wire.ended
  }

  /** Reads a share; gives whether all that has come is dealt with. */
  function hasReadAll(client: AedesClient) {
    if (client._parsingBatch > 0) return false
    const isAll = reading.read(client)
    if (client._parsingBatch > 0) return false
    if (!isAll && isReady(client)) turns.add(client.conn)
    return isAll
  }

  function end(wire: Wire) {
    wire.isOver = true
    wire.unread = undefined
    wire.client?.close()
    wire.destroy()
    if (wire.client) left(outsideOf(wire.client))
  }

  function cutOff(wire: Wire, error: unknown) {
    if (!(error instanceof Refusal)) log.error({ err: error }, 'unexpected error in a packet')
    const refusal = error instanceof Refusal ? error : new Refusal('unexpected', 'a packet could not be dealt with')
    wire.client?.emit('error', refusal)
  }

  return { arrived: turns.add, closed: guards.left, waiting: turns.waiting }
}
