import type { Client } from 'aedes'
import { writeToStream } from 'mqtt-packet'
import type { Sessions } from './sessions.ts'
import { covers } from './topics.ts'

const socketBufferAtMost = 256 * 1024

/** A message of the hub to one client. `acknowledged` is called once it is sure to have arrived. */
export type Outgoing = {
  topic: string
  payload: Buffer
  retain: boolean
  replaceable: boolean
  acknowledged?: (() => void) | undefined
}

// What Aedes 1.2 keeps of a client beside its public type: the next packet identifier and the subscriptions with their QoS.
type AedesClient = Client & { _nextId: number; subscriptions: Record<string, { qos: 0 | 1 | 2 }> }

export type Outbox = ReturnType<typeof createOutbox>

/** Sends the hub's own messages straight to a client, past the broker's emitter: a slow client holds up nobody else. */
export function createOutbox(sessions: Sessions) {
  /** Writes a message at the QoS of the subscription, at most 1 [MQTT-3.8.4-6]. */
  function send(client: Client, qos: 0 | 1, { topic, payload, retain, replaceable, acknowledged }: Outgoing) {
    if (client.conn.writableLength > socketBufferAtMost) return client.conn.destroy()
    if (qos === 0) {
      writeToStream({ cmd: 'publish', topic, payload, qos, retain, dup: false }, client.conn)
      return acknowledged?.() // at QoS 0 there is no more to know
    }
    const messageId = nextMessageId(client as AedesClient)
    const message = { cmd: 'publish', topic, payload, qos, retain, dup: false, messageId } as const
    if (!sessions.keep(client.id, { ...message, replaceable, acknowledged })) return client.conn.destroy()
    writeToStream(message, client.conn)
  }

  return {
    /** Sends a message to a client if it has subscribed to the topic. */
    deliver(client: Client, message: Outgoing) {
      const qos = qosFor(client as AedesClient, message.topic)
      if (qos !== undefined && client.connected) send(client, qos, message)
    },

    /** Whether a client has subscribed to a topic. */
    wants: (client: Client, topic: string) => qosFor(client as AedesClient, topic) !== undefined
  }
}

/** The highest QoS among the client's filters that cover a topic [MQTT-3.3.5-1]; undefined where none does. */
function qosFor(client: AedesClient, topic: string): 0 | 1 | undefined {
  let best: 0 | 1 | undefined
  for (const [filter, { qos }] of Object.entries(client.subscriptions)) {
    if (covers(filter, topic)) best = Math.max(best ?? 0, Math.min(qos, 1)) as 0 | 1
  }
  return best
}

/** Shares Aedes' own counter, so that its packet identifiers and the hub's never meet [MQTT-2.3.1-2]. */
function nextMessageId(client: AedesClient) {
  const id = client._nextId
  client._nextId = id >= 65_535 ? 1 : id + 1
  return id
}
