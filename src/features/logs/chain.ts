import { LRUCache } from 'lru-cache'

/** An entry as the chain of its application holds it. */
export type Link = { seq: number; type: string; payload: string }

/** Where a chain ends, or from where on it is still there: an entry's place and hash. Before the first entry it is `start`. */
export type Place = { seq: number; hash: string }

/** Before the first entry. */
export const start: Place = { seq: 0, hash: '' }

export type Chain = ReturnType<typeof createChain>

/**
 * What holds the log of an application together: each entry's hash is an HMAC-SHA-256 over its place, its type, its payload
 * and the hash before it. The key is made from `secret` for each application, so that no entry fits into another's chain.
 */
export function createChain(secret: string) {
  const keys = new LRUCache<string, string>({ max: 10_000 })
  const hmac = (key: string, text: string) => new Bun.CryptoHasher('sha256', key).update(text).digest('base64url')

  function keyOf(applicationId: string) {
    const known = keys.get(applicationId)
    if (known) return known
    const key = hmac(secret, `updraft log of ${applicationId}`)
    keys.set(applicationId, key)
    return key
  }

  const sign = (applicationId: string, what: 'end' | 'anchor', { seq, hash }: Place) =>
    hmac(keyOf(applicationId), `${what}\n${seq}\n${hash}`)

  return {
    /** The hash of an entry behind the one with hash `before`, in base64url. The length of the type keeps it apart from the payload. */
    link: (applicationId: string, before: string, { seq, type, payload }: Link) =>
      hmac(keyOf(applicationId), `${before}\n${seq}\n${type.length}\n${type}${payload}`),

    /** Signs a place as the end of a chain, or as the last that retention has taken. */
    sign,

    /** Whether a place was signed as such. The start needs no signature. */
    signed: (applicationId: string, what: 'end' | 'anchor', { signature, ...place }: Place & { signature: string }) =>
      place.seq === start.seq ? place.hash === start.hash : signature === sign(applicationId, what, place)
  }
}
