import type { Client } from 'aedes'

/** `retained`: in answer to a SUBSCRIBE, and so marked [MQTT-3.3.1-8]; `live`: because it changed [MQTT-3.3.1-9]. */
export type Occasion = 'retained' | 'live'

export type News = ReturnType<typeof createNews>

/** What each connection was last told on the topics that are views of the database, by the id of it: nothing is said twice, and an end is told to whom it concerns. */
export function createNews() {
  const told = new WeakMap<Client, Map<string, number | string>>()

  function toldTo(client: Client) {
    const known = told.get(client) ?? new Map<string, number | string>()
    told.set(client, known)
    return known
  }

  return {
    /** Whether this is news to the client; from then on it is known. */
    isNews(client: Client, topic: string, { id, occasion }: { id: number | string | undefined; occasion: Occasion }) {
      const known = toldTo(client)
      const before = known.get(topic)
      if (id === undefined) return known.delete(topic) && occasion === 'live'
      known.set(topic, id)
      return occasion === 'retained' || before !== id
    }
  }
}
