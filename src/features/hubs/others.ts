const goneAfter = 7000

/** The other hubs, as far as they have been heard of, and the devices that are connected to each. `clock` in ms, for tests. */
export function createOthers(clock = () => performance.now()) {
  const others = new Map<string, { devices: Set<string>; heardAt: number }>()

  return {
    /** A hub that has just been heard; gives its devices, and whether it was known. */
    heard(hub: string) {
      const known = others.get(hub)
      const other = known ?? { devices: new Set<string>(), heardAt: 0 }
      other.heardAt = clock()
      others.set(hub, other)
      return { devices: other.devices, isKnown: known !== undefined }
    },

    /** A hub has gone. */
    gone: (hub: string) => void others.delete(hub),

    /** Forgets those that have not been heard for so long that they must be gone: to be called when something else is heard. */
    forgetSilent() {
      const since = clock() - goneAfter
      for (const [hub, { heardAt }] of others) if (heardAt < since) others.delete(hub)
    },

    /** Takes it that all are there: for a while nobody could be heard. */
    excuse() {
      for (const other of others.values()) other.heardAt = clock()
    },

    /** Whether a device is connected to one of them. */
    have(deviceId: string) {
      for (const { devices } of others.values()) if (devices.has(deviceId)) return true
      return false
    },

    /** How many there are. */
    count: () => others.size
  }
}
