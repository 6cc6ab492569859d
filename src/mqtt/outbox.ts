import type { Client } from 'aedes'
import { publishBytes } from './encoding.ts'
import { type AedesClient, insideOf } from './guards/aedes.ts'
import { Refusal } from './guards/refusals.ts'
import { mayReceive } from './principals.ts'
import type { Sessions } from './sessions.ts'
import { covers } from './topics.ts'

const unacknowledgedAtMost = 100
const waitingAtMost = 1024 * 1024
const overhead = 100

type Qos = 0 | 1

/**
 * A message to one client, at most at this QoS. `replaceable`: a newer one on the topic is all that matters.
 * `acknowledged` is called once it is sure to have arrived. At QoS 0 that is never known: such a message that is told once
 * only is claimed before it is sent, and given back where the client has gone by then.
 */
export type Outgoing = {
  topic: string
  payload: Buffer
  qos: Qos
  retain: boolean
  replaceable: boolean
  acknowledged?: (() => void) | undefined
  once?: { claim(): Promise<boolean>; giveBack(): void } | undefined
  /** The notice that it tells of, if it does. */
  notice?: Told | undefined
}

/** A notice told on a kind of topic, and when it was recorded. */
export type Told = { on: string; at: Date }

/** What a client is still to be sent. `bytes`: how much of it nothing newer can replace; `woken`: the next drain goes on with it. */
type Queue = { messages: Map<string, Outgoing>; numbered: number; bytes: number; woken: boolean }

export type Outbox = ReturnType<typeof createOutbox>

/**
 * Everything that clients are sent, straight to each, past the broker's emitter: a slow client holds up nobody else. Each
 * is sent as much as it takes: what it must wait for is the newest of each topic, and up to 1 MiB of what cannot be replaced.
 * `told` is called with each notice that is sent.
 */
export function createOutbox(sessions: Sessions, told: (notice: Told) => void = () => {}) {
  const queues = new WeakMap<Client, Queue>()
  const idle = new WeakMap<Client, PromiseWithResolvers<void>>()

  function send(client: AedesClient, qos: Qos, message: Outgoing) {
    const { topic, payload, retain, replaceable, acknowledged, once } = message
    if (qos === 0 && once) return void claimAndSend(client, message, once)
    if (qos === 0) return write(client, message)
    const messageId = nextMessageId(client)
    sessions.keep(client.id, { topic, payload, qos, retain, replaceable, acknowledged, messageId })
    write(client, message, { qos, messageId })
  }

  async function claimAndSend(client: AedesClient, message: Outgoing, { claim, giveBack }: NonNullable<Outgoing['once']>) {
    if (!(await claim())) return
    if (client.closed) giveBack()
    else write(client, message)
  }

  function write(client: AedesClient, { topic, payload, retain, notice }: Outgoing, numbered?: { qos: Qos; messageId: number }) {
    if (notice) told(notice)
    client.conn.write(publishBytes({ topic, payload, retain, dup: false, qos: 0, ...numbered }))
  }

  function nextMessageId(client: AedesClient) {
    const underWay = sessions.underWay(client.id)
    let id = client._nextId
    while (underWay.has(id)) id = after(id) // a session taken up has messages from before [MQTT-2.3.1-2]
    client._nextId = after(id)
    return id
  }

  const hasRoom = (client: Client, qos: Qos) =>
    !insideOf(client).conn.writableNeedDrain && (qos === 0 || sessions.underWay(client.id).size < unacknowledgedAtMost)

  function wait(client: Client, message: Outgoing) {
    const queue = queues.get(client) ?? { messages: new Map<string, Outgoing>(), numbered: 0, bytes: 0, woken: false }
    queue.bytes += lastingBytes(message)
    if (queue.bytes > waitingAtMost) return void client.emit('error', new Refusal('stalled', 'too much waits for the client'))
    queues.set(client, queue)
    queue.messages.set(message.replaceable ? message.topic : `#${queue.numbered++}`, message)
    goOnAtDrain(client, queue)
  }

  function goOnAtDrain(client: Client, queue: Queue) {
    if (queue.woken) return
    queue.woken = true
    insideOf(client).conn.once('drain', () => {
      queue.woken = false
      sendWaiting(client)
    })
  }

  function sendWaiting(client: Client) {
    const queue = queues.get(client)
    if (!queue || !isOpen(client)) return
    for (const [key, message] of queue.messages) {
      const qos = qosFor(client, message)
      if (qos !== undefined && !hasRoom(client, qos)) return goOnAtDrain(client, queue)
      queue.messages.delete(key)
      queue.bytes -= lastingBytes(message)
      if (qos !== undefined) send(insideOf(client), qos, message)
    }
    queues.delete(client)
    idle.get(client)?.resolve()
    idle.delete(client)
  }

  return {
    /** Sends a message to a client if it has subscribed to the topic, as soon as the client takes it. */
    deliver(client: Client, message: Outgoing) {
      const qos = qosFor(client, message)
      if (qos === undefined || !isOpen(client)) return
      if (queues.has(client) || !hasRoom(client, qos)) wait(client, message)
      else send(insideOf(client), qos, message)
    },

    /** Forgets a client whose connection has ended: nothing waits for it. */
    left(client: Client) {
      idle.get(client)?.resolve()
    },

    /** Resolves when nothing waits for a client any more, or it is gone. */
    idle(client: Client) {
      if (!queues.has(client) || !isOpen(client)) return Promise.resolve()
      const waiting = idle.get(client) ?? Promise.withResolvers<void>()
      idle.set(client, waiting)
      return waiting.promise
    },

    /** Whether a client has subscribed to a topic. */
    wants: (client: Client, topic: string) => qosFor(client, { topic, qos: 0 }) !== undefined,

    /** A message has been acknowledged: what waited for that goes on. */
    acknowledged(client: Client, message: Pick<Outgoing, 'acknowledged'> | undefined) {
      message?.acknowledged?.()
      sendWaiting(client)
    },

    /**
     * A client has had its CONNACK, before which it is sent nothing [MQTT-3.2.0-1]. What its session has not acknowledged
     * is sent again [MQTT-4.4.0-1], marked as such [MQTT-3.3.1-1].
     */
    open(client: Client) {
      const { conn, principal } = insideOf(client)
      insideOf(client).isOpen = true
      for (const [messageId, { topic, payload, retain }] of sessions.underWay(client.id)) {
        if (principal && mayReceive(principal, topic))
          conn.write(publishBytes({ topic, payload, retain, qos: 1, dup: true, messageId }))
      }
    }
  }
}

const lastingBytes = ({ replaceable, payload }: Outgoing) => (replaceable ? 0 : payload.length + overhead)

const after = (messageId: number) => (messageId >= 65_535 ? 1 : messageId + 1)

const isOpen = (client: Client) => insideOf(client).isOpen && !client.closed

/** The QoS of the message, or the highest among the client's filters that cover its topic, whichever is less [MQTT-3.3.5-1]; undefined where none does. */
function qosFor(client: Client, { topic, qos: published }: Pick<Outgoing, 'topic' | 'qos'>): Qos | undefined {
  const { subscriptions, principal } = insideOf(client)
  let best = atMost(subscriptions[topic], published)
  if (principal?.kind === 'device') return best // it has no wildcards
  for (const filter in subscriptions) {
    if (best === published) return best
    if (covers(filter, topic)) best = Math.max(best ?? 0, atMost(subscriptions[filter], published) ?? 0) as Qos
  }
  return best
}

const atMost = (granted: { qos: number } | undefined, published: Qos) => granted && (Math.min(granted.qos, published) as Qos)
