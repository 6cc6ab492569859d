import { PassThrough } from 'node:stream'
import type { Aedes, Client } from 'aedes'
import type { Wire } from '../wire.ts'
import { type AedesClient, insideOf, type ParsedPacket } from './aedes.ts'
import type { Bucket } from './bucket.ts'
import { Refusal } from './refusals.ts'

type HandOn = (this: { client: AedesClient }, packet: ParsedPacket) => void

/** A client as the constructor of Aedes makes it, with the parser that it gives it. */
type FullClient = AedesClient & { _parser: { listeners(event: 'packet'): HandOn[] } }

type Needs = { newBucket(): Bucket; dealtWith(client: AedesClient, error?: Error | null): void }

export type LeanClients = ReturnType<typeof createLeanClients>

/**
 * Makes clients with all that Aedes 1.2 keeps of one, but for what not each of them must have of its own: a parser with a
 * stream in it, timers, closures, and listeners by the dozen. Those are most of the memory of a connection, and half its time.
 */
export function createLeanClients(broker: Aedes, { newBucket, dealtWith }: Needs) {
  const full = broker.handle(new PassThrough()) as unknown as FullClient
  const [handOn] = full._parser.listeners('packet')
  if (!handOn) throw new Error('Aedes takes packets otherwise than it did')
  const prototype = leanPrototype(Object.getPrototypeOf(full))
  full.close()

  return {
    /** A client of the broker's, on a connection. */
    create(conn: Wire): AedesClient {
      const client = { __proto__: prototype, ...fieldsOf(broker, conn), bucket: newBucket() } as unknown as AedesClient
      client._nextBatch = (error) => dealtWith(client, error)
      conn.client = client
      return client
    },

    /** Hands a packet to Aedes, which calls `dealtWith` for it in the end. */
    handOn: (client: AedesClient, packet: ParsedPacket) => handOn.call({ client }, packet)
  }
}

/** Of a subscription only its QoS counts: what Aedes keeps with each is for passing on, which is not done through it (emitter.ts). */
export function keepLean(client: Client, filters: string[]) {
  const { subscriptions } = insideOf(client)
  for (const filter of filters) {
    const subscription = subscriptions[filter]
    if (subscription) subscriptions[filter] = subscription.qos === 0 ? atMostOnce : atLeastOnce
  }
}

/** What is asked of a client, in place of the listeners that it would have of its own. */
function leanPrototype(aedes: AedesClient) {
  return Object.assign(Object.create(aedes) as AedesClient, {
    emit(this: AedesClient, event: string, error: Error) {
      if (event !== 'error') return false
      if (error instanceof Refusal && error.answer) this.conn.write(error.answer)
      this._onError(error)
      return true
    },
    _handleDrainTimeout(this: AedesClient) {
      this._onError(new Refusal('stalled', 'takes nothing of what it is sent'))
    },
    close(this: AedesClient, done?: () => void) {
      if (!this.closed) this.subscriptions = none // else each would be taken out by itself
      aedes.close.call(this as never, done)
    }
  })
}

/** What the constructor of Aedes 1.2 keeps of a client, and what the hub does. */
const fieldsOf = (broker: Aedes, conn: Wire) => ({
  closed: false,
  connecting: false,
  connected: false,
  connackSent: false,
  errored: false,
  id: null,
  clean: true,
  version: null,
  subscriptions: Object.create(null) as AedesClient['subscriptions'],
  duplicates: none,
  broker,
  conn,
  _disconnected: false,
  _authorized: false,
  _parsingBatch: 0,
  _nextId: Math.ceil(Math.random() * 65_535),
  _inboundInflight: noIdentifiers,
  _drainTimer: null,
  _pendingDrains: [],
  req: undefined,
  connDetails: null,
  will: null,
  _will: null,
  _parser: noParser,
  _nextBatch: undefined,
  _eos: nothing,
  deliver0: undeliverable,
  deliverQoS: undeliverable,
  _keepaliveTimer: null,
  _keepaliveInterval: -1,
  _connectTimer: null,
  isOpen: false,
  header: undefined,
  keepalive: 0,
  principal: undefined
})

const atMostOnce = Object.freeze({ qos: 0 })
const atLeastOnce = Object.freeze({ qos: 1 })

function nothing() {}
const none = Object.freeze({})
const noIdentifiers = new Set<number>() // of messages at QoS 2
const noParser = { removeAllListeners: nothing, _queue: null }

/** What clients are sent does not go through Aedes (emitter.ts). */
const undeliverable = (_packet: unknown, done: () => void) => done()
