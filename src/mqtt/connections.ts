import type { Client } from 'aedes'
import { createGroups, type GroupListener } from './groups.ts'
import { type DevicePrincipal, type Principal, principalOf, type UserPrincipal } from './principals.ts'

export type Connections = ReturnType<typeof createConnections>

/** The clients that are signed in now, by who they are. Aedes' own table loses clients when two come at once under one id. */
export function createConnections(listeners: { users?: GroupListener; teams?: GroupListener } = {}) {
  const byId = new Map<string, Client>()
  const devices = createGroups<Client>()
  const users = createGroups<Client>(listeners.users)
  const members = createGroups<Client>(listeners.teams)

  function setTeams(client: Client, principal: UserPrincipal, teams: Map<string, string>) {
    for (const id of principal.teams.values()) members.remove(id, client)
    for (const id of teams.values()) members.add(id, client)
    principal.teams = teams
  }

  return {
    /** Counts a client in; gives the one that had its id until now. */
    add(client: Client, principal: Principal) {
      const previous = byId.get(client.id)
      byId.set(client.id, client)
      if (principal.kind === 'device') devices.add(principal.id, client)
      if (principal.kind === 'user') {
        users.add(principal.id, client)
        setTeams(client, principal, principal.teams)
      }
      return previous
    },

    /** Counts a client out; gives whether nobody else has come under its id. */
    remove(client: Client, principal: Principal) {
      if (principal.kind === 'device') devices.remove(principal.id, client)
      if (principal.kind === 'user') {
        users.remove(principal.id, client)
        setTeams(client, principal, new Map())
      }
      const last = byId.get(client.id) === client
      if (last) byId.delete(client.id)
      return last
    },

    /** The client of a session. */
    withId: (id: string) => byId.get(id),

    /** Everybody. */
    all: () => byId.values(),

    /** The sessions of all. */
    ids: () => byId.keys(),

    /** How many there are. */
    count: () => byId.size,

    /** The connections of a device. */
    ofDevice: (deviceId: string) => devices.of(deviceId),

    /** The devices with a connection that run an application, or may by now. */
    devicesOf(applicationId: string) {
      const ids = new Set<string>()
      for (const client of byId.values()) {
        const principal = principalOf(client)
        if (principal?.kind !== 'device') continue
        if (principal.hasMoved || principal.device.applicationId === applicationId) ids.add(principal.id)
      }
      return [...ids]
    },

    /** The connections of a user. */
    ofUser: (userId: string) => users.of(userId),

    /** The connections of users who are in a team. */
    ofMembers: (teamId: string) => members.of(teamId),

    /** The connections of a team's devices. */
    ofDevicesOf: (team: string) =>
      [...byId.values()].filter((client) => (principalOf(client) as Partial<DevicePrincipal>).device?.team === team),

    /** Says which teams the user of a connection is in. */
    setTeams
  }
}
