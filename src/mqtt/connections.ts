import type { Client } from 'aedes'
import type { Principal } from './principals.ts'

export type Connections = ReturnType<typeof createConnections>

/** The clients that are signed in now, by who they are. */
export function createConnections() {
  const devices = new Map<string, Set<Client>>()
  const users = new Map<Client, Extract<Principal, { kind: 'user' }>>()
  // The sessions that a device has had here, for what may be under way to it while it is away.
  const sessionsOfDevices = new Map<string, Set<string>>()

  return {
    add(client: Client, principal: Principal) {
      if (principal.kind === 'user') return void users.set(client, principal)
      devices.set(principal.id, (devices.get(principal.id) ?? new Set()).add(client))
      if (!client.clean) sessionsOfDevices.set(principal.id, (sessionsOfDevices.get(principal.id) ?? new Set()).add(client.id))
    },

    remove(client: Client, principal: Principal) {
      if (principal.kind === 'user') return void users.delete(client)
      const left = devices.get(principal.id)
      left?.delete(client)
      if (left?.size === 0) devices.delete(principal.id)
    },

    /** The connections of a device. */
    ofDevice: (deviceId: string): Iterable<Client> => devices.get(deviceId) ?? [],

    /** The ids of a device's connections and sessions. */
    sessionsOfDevice: (deviceId: string) => [
      ...(sessionsOfDevices.get(deviceId) ?? []),
      ...[...(devices.get(deviceId) ?? [])].map(({ id }) => id)
    ],

    /** The connections of users who are in a team. */
    ofMembers: (teamId: string) =>
      [...users].filter(([, { teams }]) => [...teams.values()].includes(teamId)).map(([client]) => client),

    /** The connections of a user. */
    ofUser: (userId: string) => [...users].filter(([, { id }]) => id === userId).map(([client]) => client),

    /** The connections of devices that `which` holds for. */
    devicesWhere: (
      which: (principal: Principal, client: Client) => boolean,
      principalOf: (client: Client) => Principal | undefined
    ) =>
      [...devices.values()]
        .flatMap((clients) => [...clients])
        .filter((client) => {
          const principal = principalOf(client)
          return principal !== undefined && which(principal, client)
        }),

    /** Forgets the sessions of a device that is no more. */
    forgetDevice(deviceId: string) {
      const ids = [...(sessionsOfDevices.get(deviceId) ?? [])]
      sessionsOfDevices.delete(deviceId)
      return ids
    }
  }
}
