import type { Client } from 'aedes'

const none: ReadonlySet<Client> = new Set()

/** Clients in groups by a key. */
export function createGroups() {
  const groups = new Map<string, Set<Client>>()
  return {
    add: (key: string, client: Client) => void groups.set(key, (groups.get(key) ?? new Set()).add(client)),
    remove(key: string, client: Client) {
      const group = groups.get(key)
      group?.delete(client)
      if (group?.size === 0) groups.delete(key)
    },
    of: (key: string): ReadonlySet<Client> => groups.get(key) ?? none,
    /** The keys that have clients now. */
    keys: () => [...groups.keys()]
  }
}
