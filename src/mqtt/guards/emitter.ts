import type { Aedes, Client } from 'aedes'

type Done = (error?: Error | null) => void
type Publish = (packet: { topic: string }, client: Client | Done | null, done?: Done) => void
type Subscribe = (topic: string, deliver: unknown, done?: Done) => void

const isChecked = (topic: string) => topic.startsWith('$hub/')

/**
 * Takes Aedes' emitter out of the clients' way: what they are sent goes through the outbox, so entering their filters
 * there, and telling itself on `$SYS` of each of them, costs memory and time for nothing. Only the health check goes by it.
 */
export function bypassEmitter(broker: Aedes) {
  const original: { publish: Publish; subscribe: Subscribe; unsubscribe: Subscribe } = broker as never
  const publish = original.publish.bind(broker)
  const subscribe = original.subscribe.bind(broker)
  const unsubscribe = original.unsubscribe.bind(broker)
  Object.assign(broker, {
    publish: ((packet, client, done) => {
      if (isChecked(packet.topic)) return publish(packet, client, done)
      const ended = typeof client === 'function' ? client : done
      ended?.(null)
    }) satisfies Publish,
    subscribe: ((topic, deliver, done) => (isChecked(topic) ? subscribe(topic, deliver, done) : done?.())) satisfies Subscribe,
    unsubscribe: ((topic, deliver, done) => (isChecked(topic) ? unsubscribe(topic, deliver, done) : done?.())) satisfies Subscribe
  })
}
