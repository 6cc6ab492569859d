import { Readable } from 'node:stream'
import type { Client, Subscription } from 'aedes'
import { LRUCache } from 'lru-cache'
import { maySubscribe, principalOf } from './principals.ts'

/** A message sent at QoS 1 and not acknowledged yet. `replaceable`: a newer one on the topic makes it pointless to send again. */
export type InFlight = {
  cmd: 'publish'
  topic: string
  payload: Buffer
  qos: 1
  retain: boolean
  dup: boolean
  messageId: number
  replaceable: boolean
  acknowledged?: (() => void) | undefined
}

type Session = { subscriptions: Map<string, Subscription>; inFlight: Map<number, InFlight> }
type Identified = { id: string }
type Numbered = { messageId: number }

const sessionsAtMost = 50_000
const inFlightAtMost = 100

export type Sessions = ReturnType<typeof createSessions>

/**
 * What the broker remembers of a client: subscriptions of persistent sessions and messages under way. It stands where
 * Aedes wants its persistence. Nothing is queued for absent clients and nothing is retained: both are read from the
 * database (retained.ts), which is right after a restart and cannot grow with absence.
 */
export function createSessions() {
  const sessions = new LRUCache<string, Session>({ max: sessionsAtMost })

  function of(id: string) {
    const session = sessions.get(id) ?? { subscriptions: new Map(), inFlight: new Map() }
    sessions.set(id, session)
    return session
  }

  /** Keeps a message until it is acknowledged; false when the client leaves too many unacknowledged. */
  function keep(id: string, message: InFlight) {
    const { inFlight } = of(id)
    if (message.replaceable) {
      for (const [messageId, older] of inFlight)
        if (older.topic === message.topic && older.replaceable) inFlight.delete(messageId)
    }
    if (inFlight.size >= inFlightAtMost) return false
    inFlight.set(message.messageId, message)
    return true
  }

  const persistence = {
    async setup() {},

    async addSubscriptions(client: Client, subscriptions: Subscription[]) {
      const principal = principalOf(client)
      if (!principal) return
      // Aedes passes every filter of the packet, those that were refused too.
      for (const subscription of subscriptions.filter(({ topic }) => maySubscribe(principal, topic))) {
        of(client.id).subscriptions.set(subscription.topic, subscription)
      }
    },
    async removeSubscriptions({ id }: Identified, filters: string[]) {
      for (const filter of filters) sessions.get(id)?.subscriptions.delete(filter)
    },
    subscriptionsByClient: async ({ id }: Identified) => [...(sessions.get(id)?.subscriptions.values() ?? [])],
    cleanSubscriptions: async ({ id }: Identified) => void sessions.delete(id), // [MQTT-3.1.2-6]
    subscriptionsByTopic: async () => [],
    countOffline: async () => ({ subsCount: 0, clientsCount: sessions.size }),

    storeRetained: async () => {},
    createRetainedStreamCombi: () => Readable.from([]),

    async outgoingEnqueue() {},
    async outgoingEnqueueCombi() {},
    /** Called with what Aedes itself sends at QoS 1 to a persistent session, and again with what it resends. */
    async outgoingUpdate({ id }: Identified, packet: InFlight) {
      if (of(id).inFlight.has(packet.messageId)) return
      const { topic, payload, messageId } = packet
      keep(id, { cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false, messageId, replaceable: false })
    },
    /** Called for each PUBACK. */
    async outgoingClearMessageId({ id }: Identified, { messageId }: Numbered) {
      const inFlight = sessions.get(id)?.inFlight
      const message = inFlight?.get(messageId)
      inFlight?.delete(messageId)
      message?.acknowledged?.()
      return message
    },
    // What was not acknowledged is sent again when the session is taken up [MQTT-4.4.0-1], marked as such [MQTT-3.3.1-1].
    outgoingStream: ({ id }: Identified) =>
      Readable.from([...(sessions.get(id)?.inFlight.values() ?? [])].map((message) => ({ ...message, dup: true }))),

    // QoS 2 is refused before any of these would be reached.
    async incomingStorePacket() {},
    incomingGetPacket: () => Promise.reject(new Error('no such packet')),
    incomingDelPacket: () => Promise.reject(new Error('no such packet')),

    async putWill() {},
    async delWill() {},
    streamWill: () => Readable.from([]),
    async destroy() {}
  }

  return {
    persistence,
    keep,
    /** Messages under way to a client that `which` holds for. */
    underWay: (id: string, which: (message: InFlight) => boolean) =>
      [...(sessions.get(id)?.inFlight.values() ?? [])].filter(which),
    /** Forgets messages that there is no more reason to send again. */
    forget(id: string, which: (message: InFlight) => boolean) {
      const inFlight = sessions.get(id)?.inFlight
      for (const [messageId, message] of inFlight ?? []) if (which(message)) inFlight?.delete(messageId)
    },
    /** Ends a client's session. */
    end: (id: string) => void sessions.delete(id)
  }
}
