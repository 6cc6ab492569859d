import { LRUCache } from 'lru-cache'

const atMost = 50_000

/**
 * Sessions by their ids, as many as memory should hold: past that, those that were not used for longest go. Desktop clients
 * come without a secret, so theirs have room of their own: however many come, no device's goes for them.
 */
export function createSessionStore<Session extends object>(gone: (id: string) => void) {
  const store = () => new LRUCache<string, Session>({ max: atMost, dispose: (_session, id) => gone(id) })
  const [desktops, others] = [store(), store()]
  const storeOf = (id: string) => (id.startsWith('desktop:') ? desktops : others)

  return {
    get: (id: string) => storeOf(id).get(id),
    set: (id: string, session: Session) => void storeOf(id).set(id, session),
    delete: (id: string) => void storeOf(id).delete(id),
    count: () => desktops.size + others.size,
    all: () => [...desktops.values(), ...others.values()]
  }
}
