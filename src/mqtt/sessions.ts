import type { Client, Subscription } from 'aedes'
import { createGroups } from './groups.ts'
import type { Outgoing } from './outbox.ts'
import type { Principal } from './principals.ts'
import { createSessionStore } from './session-store.ts'

/** A message sent at QoS 1 and not acknowledged yet. */
export type InFlight = Outgoing & { messageId: number }

/** Each Map is there while something is in it: most sessions have neither. */
type Session = { subscriptions: Map<string, Subscription> | undefined; inFlight: Map<number, InFlight> | undefined }
const none: ReadonlyMap<number, InFlight> = new Map()

type Identified = { id: string }
type Numbered = { messageId: number }

export type Sessions = ReturnType<typeof createSessions>

/** Whose session it is, and then its name: so nobody takes up, or takes over, the session of another. */
export const sessionId = ({ kind, id }: Principal, clientId: string) => `${kind}:${id}:${clientId}`
const ownerOf = (id: string) => id.split(':', 2).join(':')

/**
 * What the broker remembers of a client: subscriptions of persistent sessions and messages under way. It stands where
 * Aedes wants its persistence. Nothing is queued for absent clients and nothing is retained: both are read from the
 * database (retained.ts), which is right after a restart and cannot grow with absence.
 */
export function createSessions() {
  const owned = createGroups<string>()
  const granted = new WeakSet<Subscription>()
  const sessions = createSessionStore<Session>((id) => owned.remove(ownerOf(id), id))

  function of(id: string) {
    const known = sessions.get(id)
    if (known) return known
    const session: Session = { subscriptions: undefined, inFlight: undefined }
    sessions.set(id, session)
    owned.add(ownerOf(id), id)
    return session
  }

  function acknowledge(session: Session | undefined, messageId: number) {
    const message = session?.inFlight?.get(messageId)
    session?.inFlight?.delete(messageId)
    if (session?.inFlight?.size === 0) session.inFlight = undefined
    return message
  }

  const end = sessions.delete
  const idsOf = ({ kind, id }: Pick<Principal, 'kind' | 'id'>) => [...owned.of(`${kind}:${id}`)]

  return {
    /** What Aedes asks of its persistence. What the hub sends does not pass through it (outbox.ts). */
    persistence: {
      async setup() {},

      async addSubscriptions(client: Client, subscriptions: Subscription[]) {
        // Aedes passes every filter of the packet, those that were refused too.
        for (const subscription of subscriptions) {
          if (!granted.has(subscription)) continue
          const session = of(client.id)
          session.subscriptions ??= new Map()
          session.subscriptions.set(subscription.topic, subscription)
        }
      },
      async removeSubscriptions({ id }: Identified, filters: string[]) {
        for (const filter of filters) sessions.get(id)?.subscriptions?.delete(filter)
      },
      subscriptionsByTopic: async () => [],
      countOffline: async () => ({ subsCount: 0, clientsCount: sessions.count() }),

      storeRetained: async () => {},
      createRetainedStreamCombi: () => ({ pipe() {} }),

      /** Called for each PUBACK. */
      async outgoingClearMessageId({ id }: Identified, { messageId }: Numbered) {
        return acknowledge(sessions.get(id), messageId)
      },
      async outgoingEnqueue() {},
      async outgoingEnqueueCombi() {},
      async outgoingUpdate() {},

      // QoS 2 is refused before any of these would be reached.
      async incomingStorePacket() {},
      incomingGetPacket: () => Promise.reject(new Error('no such packet')),
      incomingDelPacket: () => Promise.reject(new Error('no such packet')),

      async delWill() {},
      streamWill: () => [],
      async destroy() {}
    },

    /** Begins a session; gives the one that there was, where that is to be taken up. */
    begin({ id, clean }: Identified & { clean: boolean }): Session | undefined {
      const kept = clean ? undefined : sessions.get(id)
      if (clean)
        end(id) // [MQTT-3.1.2-6]
      else if (!kept) of(id)
      return kept
    },

    /** Notes that a subscription may be kept: nothing that was refused comes back with the session. */
    grant: (subscription: Subscription) => void granted.add(subscription),

    /** How many messages are under way, to all clients. */
    unacknowledged() {
      let count = 0
      for (const { inFlight } of sessions.all()) count += inFlight?.size ?? 0
      return count
    },

    /** Keeps a message until it is acknowledged; a newer one on the topic makes it pointless to send a replaceable one again. */
    keep(id: string, message: InFlight) {
      const session = of(id)
      session.inFlight ??= new Map()
      for (const [messageId, { topic, replaceable }] of session.inFlight)
        if (replaceable && topic === message.topic) session.inFlight.delete(messageId)
      session.inFlight.set(message.messageId, message)
    },

    /** The messages under way to a client, oldest first. */
    underWay: (id: string): ReadonlyMap<number, InFlight> => sessions.get(id)?.inFlight ?? none,

    /** Forgets messages to a device or user that there is no more reason to send again. */
    forget(owner: Pick<Principal, 'kind' | 'id'>, which: (message: InFlight) => boolean) {
      for (const id of idsOf(owner)) {
        const session = sessions.get(id)
        for (const [messageId, message] of session?.inFlight ?? []) if (which(message)) acknowledge(session, messageId)
      }
    },

    /** Ends a session. */
    end,

    /** Ends all sessions of a device or user. */
    endAllOf(owner: Pick<Principal, 'kind' | 'id'>) {
      for (const id of idsOf(owner)) end(id)
    }
  }
}
