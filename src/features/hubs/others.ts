import type { Message } from './messages.ts'

const goneAfter = 7000

/** The other hubs, as far as they have been heard of, and the devices that are connected to each. `clock` in ms, for tests. */
export function createOthers(clock = () => performance.now()) {
  const others = new Map<string, { node: string | undefined; devices: Set<string>; heardAt: number }>()

  return {
    /** Takes in what a hub has said; gives whether it was known. */
    heard({ from, node, anew, here = [], arrived = [], left = [] }: Message) {
      const known = others.get(from)
      const devices = anew ? new Set<string>() : (known?.devices ?? new Set())
      for (const id of [...here, ...arrived.flatMap(deviceOf)]) devices.add(id)
      for (const id of left) devices.delete(id)
      others.set(from, { node, devices, heardAt: clock() })
      return known !== undefined
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

    /** What they are known by in the tables; undefined where one of them does not say so. */
    nodes() {
      const nodes = new Set<string>()
      for (const { node } of others.values()) {
        if (node === undefined) return undefined
        nodes.add(node)
      }
      return nodes
    },

    /** How many there are. */
    count: () => others.size
  }
}

/** The device that a session is of, if it is of one. */
const deviceOf = (session: string) => (session.startsWith('device:') ? session.split(':', 2).slice(1) : [])
