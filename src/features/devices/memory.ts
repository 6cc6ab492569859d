/** What is kept of a device. `current`: whether it is kept now, so that who has it need not look again. */
export type Kept = { secretHash: string; current: boolean }

/**
 * Values of devices in memory, at most so many, found by the device's id or the hash of its secret. Plain Maps, as one of
 * them is asked for every request: of too many, the one that was kept first goes first.
 */
export function createDeviceMemory<T extends Kept>(atMost: number) {
  const kept = new Map<string, T>()
  const bySecretHash = new Map<string, T>()

  function forget(id: string) {
    const there = kept.get(id)
    if (!there) return
    kept.delete(id)
    bySecretHash.delete(there.secretHash)
    there.current = false
  }

  return {
    byId: (id: string) => kept.get(id),
    bySecretHash: (hash: string) => bySecretHash.get(hash),

    /** Keeps a value in place of the device's last one. */
    keep(id: string, value: T) {
      forget(id)
      const [first] = kept.size < atMost ? [] : kept.keys()
      if (first !== undefined) forget(first)
      kept.set(id, value)
      bySecretHash.set(value.secretHash, value)
      value.current = true
    },

    forget,

    forgetWhere(which: (value: T) => boolean) {
      for (const [id, value] of kept) if (which(value)) forget(id)
    }
  }
}
