import type { Client } from 'aedes'
import type { Device } from '../features/devices/columns.ts'
import type { Hub } from '../hub.ts'
import { type ErrorKind, HubError, unauthorized } from '../lib/errors.ts'
import { insideOf } from './guards/aedes.ts'
import { applicationIn } from './public-topics.ts'
import { covers, isFilter, isPublic, topics } from './topics.ts'

/** `hasMoved`: it has had another application since it signed in. */
export type DevicePrincipal = { kind: 'device'; id: string; device: Device; hasMoved?: true }

/** `teams`: the ids of the user's teams by name, kept up to date by the notices of who joins and leaves. `keyId`: of the CLI key, if by one. */
export type UserPrincipal = {
  kind: 'user'
  id: string
  username: string
  expiresAt: number
  keyId: string | undefined
  teams: Map<string, string>
}

/** A desktop client, by the id that it gives itself. */
export type DesktopPrincipal = { kind: 'desktop'; id: string }

/** Who is at the other end of a connection. */
export type Principal = DevicePrincipal | UserPrincipal | DesktopPrincipal

/** Who a client has signed in as. */
export const principalOf = (client: Client) => insideOf(client).principal

export type Credentials = { username: string | undefined; password: string | undefined; address: string }

const clientId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Signs in a device (`<team>/<name>` and its secret), a user (any username, a token as password) or a desktop client (its id and no password). Throws `unauthorized`. */
export async function signIn(hub: Hub, { username = '', password, address }: Credentials): Promise<Principal> {
  if (!password && hub.config.mqttAnonymous && clientId.test(username)) return { kind: 'desktop', id: username.toLowerCase() }
  if (!password) throw unauthorized()
  if (/^[0-9a-f]{40}$/.test(password)) {
    const device = await hub.devices.signIn(username, password, address)
    return { kind: 'device', id: device.id, device }
  }
  const { id, username: name, expiresAt, keyId } = await hub.accounts.callerOf(password)
  return { kind: 'user', id, username: name, expiresAt, keyId, teams: await teamsOf(hub, id) }
}

/** The teams that a user is in now, by name. */
export const teamsOf = async (hub: Hub, userId: string) =>
  new Map((await hub.teams.ofUser(userId)).map(({ id, name }) => [name, id]))

/** MQTT's code for a refused connection [MQTT-3.2.2-5]: 4 bad credentials, 3 not at present. */
export const connackCode = (error: unknown) => (error instanceof HubError && !mayPass.has(error.kind) ? 4 : 3)

const mayPass = new Set<ErrorKind>(['tooMany', 'unavailable'])

/**
 * Whether a principal may subscribe to a filter: a device to its own two topics, a user to what is in a team of theirs, both
 * to packages, and who is no device to what anybody may ask for. Repos and tasks are in none: see latest-releases.ts and tasks.ts.
 */
export function maySubscribe(principal: Principal, filter: string) {
  if (isPublic(filter)) return isFilter(filter)
  if (principal.kind === 'device') return ownTopics(principal.device).includes(filter)
  if (!isFilter(filter)) return false
  return applicationIn(filter) !== undefined || (principal.kind === 'user' && principal.teams.has(teamOf(filter)))
}

/** Whether a principal may be sent a message on a topic that was theirs. Of a repo that a user watches no longer, and of a task that is gone, none is kept. */
export const mayReceive = (principal: Principal, topic: string) =>
  maySubscribe(principal, topic) || // a topic is a filter that covers itself
  (principal.kind === 'user' && ofUsers.some((filter) => covers(filter, topic)))

const ofUsers = [
  topics.latestRelease.of({ owner: '+', name: '+' }),
  topics.taskStatus.of({ id: '+' }),
  topics.taskLogs.of({ id: '+' })
]

const teamOf = (topic: string) => topic.split('/')[0] ?? ''

const ownTopics = ({ team, name }: Device) => [
  topics.deviceDeployment.of({ team, name }),
  topics.deviceRelaunch.of({ team, name })
]
