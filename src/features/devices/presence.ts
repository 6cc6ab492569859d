export type Presence = ReturnType<typeof createPresence>

/** Which devices are connected over MQTT now, to this process. */
export function createPresence() {
  const connections = new Map<string, number>()
  return {
    /** Notes one more connection of a device. */
    join: (deviceId: string) => void connections.set(deviceId, (connections.get(deviceId) ?? 0) + 1),
    /** Notes one connection less. */
    leave(deviceId: string) {
      const left = (connections.get(deviceId) ?? 0) - 1
      if (left > 0) connections.set(deviceId, left)
      else connections.delete(deviceId)
    },
    /** Whether a device has a connection. */
    has: (deviceId: string) => connections.has(deviceId)
  }
}
