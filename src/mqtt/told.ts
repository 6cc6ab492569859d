import type { Client } from 'aedes'

/** `retained`: in answer to a SUBSCRIBE, and so marked [MQTT-3.3.1-8]; `live`: because it changed [MQTT-3.3.1-9]. */
export type Occasion = 'retained' | 'live'

/** What each connection was last told on each topic: nothing is said twice, and an end is told to whom it concerns. */
export function createTold() {
  const told = new WeakMap<Client, Map<string, string | number>>()

  function toldTo(client: Client) {
    const known = told.get(client) ?? new Map<string, string | number>()
    told.set(client, known)
    return known
  }

  return {
    /** Whether this is news to the client, `id` standing for what it is told, or undefined for the end of it; from then on it is known. */
    isNews(client: Client, topic: string, { id, occasion }: { id: string | number | undefined; occasion: Occasion }) {
      const known = toldTo(client)
      const before = known.get(topic)
      if (id === undefined) return known.delete(topic) && occasion === 'live'
      known.set(topic, id)
      return occasion === 'retained' || before !== id
    }
  }
}
