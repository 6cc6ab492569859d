/**
 * Values of devices in memory, at most so many, found by the device's id or the hash of its secret. Plain Maps, as one of
 * them is asked for every request: of too many, the one that was kept first goes first.
 */
export function createDeviceMemory<T>(atMost: number) {
  const kept = new Map<string, { value: T; secretHash: string }>()
  const bySecretHash = new Map<string, T>()

  function forget(id: string) {
    const there = kept.get(id)
    if (!there) return
    kept.delete(id)
    bySecretHash.delete(there.secretHash)
  }

  return {
    byId: (id: string) => kept.get(id)?.value,
    bySecretHash: (hash: string) => bySecretHash.get(hash),

    /** Keeps a value in place of the device's last one. */
    keep(id: string, secretHash: string, value: T) {
      forget(id)
      const [first] = kept.size < atMost ? [] : kept.keys()
      if (first !== undefined) forget(first)
      kept.set(id, { value, secretHash })
      bySecretHash.set(secretHash, value)
    },

    forget,

    forgetWhere(which: (value: T) => boolean) {
      for (const [id, { value }] of kept) if (which(value)) forget(id)
    }
  }
}
