import type { Aedes } from 'aedes'
import { newId } from '../lib/secrets.ts'

/** Resolves when a message has gone through the broker. */
export async function checkHealth(broker: Aedes) {
  const topic = `$hub/health/${newId()}`
  const { promise, resolve } = Promise.withResolvers<void>()
  const listener = (_packet: unknown, done: () => void) => {
    resolve()
    done()
  }
  const packet = { cmd: 'publish', topic, payload: '', qos: 0, retain: false, dup: false } as const
  broker.subscribe(topic, listener, () => broker.publish(packet, () => {}))
  try {
    await promise
  } finally {
    broker.unsubscribe(topic, listener, () => {})
  }
}
