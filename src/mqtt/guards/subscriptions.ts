import type { Client } from 'aedes'
import { insideOf } from './aedes.ts'

/** Counts what clients subscribe to: each filter costs memory, and a look at every message. */
export function createSubscriptionLimit(filtersAtMost: number) {
  const asked = new WeakMap<Client, number>()

  return {
    /** Whether a client may have one more filter, counting those that are being looked at. */
    async mayHave(client: Client, filter: string, isAllowed: () => Promise<boolean>) {
      const { subscriptions } = insideOf(client)
      const pending = asked.get(client) ?? 0
      const isNew = subscriptions[filter] === undefined
      if (isNew && Object.keys(subscriptions).length + pending >= filtersAtMost) return false
      asked.set(client, pending + 1)
      try {
        return await isAllowed()
      } finally {
        const others = (asked.get(client) ?? 1) - 1
        if (others > 0) asked.set(client, others)
        else asked.delete(client)
      }
    }
  }
}
