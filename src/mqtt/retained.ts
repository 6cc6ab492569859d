import type { Client } from 'aedes'
import type { Desired } from '../features/deployments/service.ts'
import type { Notice } from '../features/notices/kinds.ts'
import type { Hub } from '../hub.ts'
import type { Connections } from './connections.ts'
import type { Outbox } from './outbox.ts'
import { type Principal, principalOf } from './principals.ts'
import type { Sessions } from './sessions.ts'
import { topics } from './topics.ts'

type Needs = { hub: Hub; connections: Connections; outbox: Outbox; sessions: Sessions }
type Relaunch = { team: string; device: string; device_id: string; seq: number; teamId: string }
type DeviceOf = { deviceId: string; teamId: string }

/** What the hub tells over MQTT of devices: the same that HTTP would answer, read from the database. */
export function createDeviceTopics({ hub, connections, outbox, sessions }: Needs) {
  // Which deployment each connection was last told of, by topic: nothing is said twice, and an end is told to whom it concerns.
  const told = new WeakMap<Client, Map<string, number>>()

  const toldTo = (client: Client) => {
    const topicsTold = told.get(client) ?? new Map<string, number>()
    told.set(client, topicsTold)
    return topicsTold
  }

  function tellDeployment(client: Client, team: string, { device: name, deployment }: Desired, retain: boolean) {
    const topic = topics.deviceDeployment.of({ team, name })
    if (!outbox.wants(client, topic)) return
    const last = toldTo(client)
    if (deployment === null && !last.delete(topic)) return
    if (deployment !== null && !retain && last.get(topic) === deployment.id) return
    if (deployment !== null) last.set(topic, deployment.id)
    // An empty payload is MQTT's way of saying that a retained topic has no value any more.
    const payload = Buffer.from(deployment === null ? '' : JSON.stringify(deployment))
    outbox.deliver(client, { topic, payload, retain, replaceable: true })
  }

  function tellRelaunch(client: Client, { team, device: name, device_id: deviceId, seq, teamId }: Relaunch) {
    const topic = topics.deviceRelaunch.of({ team, name })
    const payload = Buffer.from(JSON.stringify({ seq }))
    const isDevice = principalOf(client)?.id === deviceId
    if (
      isDevice &&
      sessions.underWay(client.id, (message) => message.topic === topic && message.payload.equals(payload)).length > 0
    )
      return
    const acknowledged = () => void hub.devices.relaunchTold({ id: deviceId, teamId, name, team }, seq).catch(logged)
    outbox.deliver(client, {
      topic,
      payload,
      retain: false,
      replaceable: true,
      acknowledged: isDevice ? acknowledged : undefined
    })
  }

  const logged = (error: unknown) => hub.log.error({ err: error }, 'a notice could not be told over MQTT')

  /** To the device itself and to the members of its team who have subscribed. */
  const listeners = ({ deviceId, teamId }: DeviceOf) => [...connections.ofDevice(deviceId), ...connections.ofMembers(teamId)]

  async function tellAll(team: string, rows: Promise<Desired[]>) {
    for (const row of await rows) for (const client of listeners(row)) tellDeployment(client, team, row, false)
  }

  /** What a client that has just subscribed to `filters` finds on the retained topics, and the relaunch that waits for it. */
  async function greet(client: Client, filters: string[], retain: boolean) {
    const principal = principalOf(client)
    if (!principal) return
    for (const { team, teamId, name } of scopesOf(principal, filters)) {
      for (const row of await hub.deployments.ofTeam(teamId, name)) tellDeployment(client, team, row, retain)
    }
    if (principal.kind === 'device') await tellPendingRelaunch(client, principal)
  }

  async function tellPendingRelaunch(client: Client, { device }: Extract<Principal, { kind: 'device' }>) {
    const seq = await hub.devices.pendingRelaunch(device.id)
    if (seq !== undefined)
      tellRelaunch(client, { team: device.team, device: device.name, device_id: device.id, teamId: device.teamId, seq })
  }

  /** A heartbeat was told of the relaunch first: a client that comes back is not told of it again. */
  function forgetRelaunch({ team, device: name, device_id: deviceId, seq }: Omit<Relaunch, 'teamId'>) {
    const topic = topics.deviceRelaunch.of({ team, name })
    const stale = ({ topic: sent, payload }: { topic: string; payload: Buffer }) =>
      sent === topic && JSON.parse(payload.toString()).seq <= seq
    for (const id of connections.sessionsOfDevice(deviceId)) sessions.forget(id, stale)
  }

  async function tell(notice: Notice) {
    const { teamId = '' } = notice
    switch (notice.type) {
      case 'deployment.created': {
        const { team, application_id: applicationId, board, tag } = notice.data
        return tellAll(team, hub.deployments.ofAffected(applicationId, board, tag))
      }
      case 'device.updated':
      case 'device.associated':
        return tellAll(notice.data.team, hub.deployments.ofDevice(notice.data.device_id))
      case 'application.deleted':
        return tellAll(notice.data.team, hub.deployments.ofTeam(teamId))
      case 'device.relaunch':
        for (const client of listeners({ deviceId: notice.data.device_id, teamId }))
          tellRelaunch(client, { ...notice.data, teamId })
        return
      case 'device.relaunch_told':
        return forgetRelaunch(notice.data)
      default:
        return
    }
  }

  // One notice after the other: what is told of a topic follows commit order although the rows are read anew.
  let last: Promise<void> = Promise.resolve()
  return {
    greet: (client: Client, filters: string[], retain: boolean) => greet(client, filters, retain).catch(logged),
    tell: (notice: Notice) => {
      last = last.then(() => tell(notice)).catch(logged)
    }
  }
}

/** Which devices the filters of a principal can reach: one, or all of a team. */
function scopesOf(principal: Principal, filters: string[]) {
  const scopes = new Map<string, { team: string; teamId: string; name: string | undefined }>()
  for (const [team = '', devices, device, topic] of filters.map((filter) => filter.split('/'))) {
    const teamId = principal.kind === 'device' ? principal.device.teamId : principal.teams.get(team)
    const everything = devices === '#' || device === '#'
    const reaches = everything || topic === undefined || ['deployment', '+', '#'].includes(topic)
    if (teamId === undefined || !reaches) continue
    const name = everything || device === '+' ? undefined : device
    scopes.set(`${team}/${name ?? '+'}`, { team, teamId, name })
  }
  return scopes.values()
}
