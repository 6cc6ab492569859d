import type { Hubs } from '../hubs/service.ts'

export type Presence = ReturnType<typeof createPresence>

/** Which devices are connected over MQTT now. */
export function createPresence(hubs: Pick<Hubs, 'have' | 'left'>) {
  const connections = new Map<string, number>()
  const isHere = (deviceId: string) => connections.has(deviceId)

  return {
    /** Notes one more connection of a device to this hub. */
    join: (deviceId: string) => void connections.set(deviceId, (connections.get(deviceId) ?? 0) + 1),
    /** Notes one connection less. */
    leave(deviceId: string) {
      const left = (connections.get(deviceId) ?? 0) - 1
      if (left > 0) return void connections.set(deviceId, left)
      connections.delete(deviceId)
      hubs.left(deviceId)
    },
    /** Whether a device has a connection, to whichever hub. */
    has: (deviceId: string) => isHere(deviceId) || hubs.have(deviceId),
    /** Whether it has one to this hub. */
    isHere,
    /** The devices that have one to this hub. */
    here: () => connections.keys()
  }
}
