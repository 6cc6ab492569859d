import type { Client } from 'aedes'

const none: ReadonlySet<Client> = new Set()

/** Who is told when a group has its first client, and when its last has gone. */
export type GroupListener = { began(key: string): void; ended(key: string): void }

/** Clients in groups by a key. */
export function createGroups(listener?: GroupListener) {
  const groups = new Map<string, Set<Client>>()
  return {
    add(key: string, client: Client) {
      const group = groups.get(key)
      groups.set(key, (group ?? new Set()).add(client))
      if (!group) listener?.began(key)
    },
    remove(key: string, client: Client) {
      const group = groups.get(key)
      group?.delete(client)
      if (group?.size !== 0) return
      groups.delete(key)
      listener?.ended(key)
    },
    of: (key: string): ReadonlySet<Client> => groups.get(key) ?? none,
    /** The keys that have clients now. */
    keys: () => [...groups.keys()]
  }
}
