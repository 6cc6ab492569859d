import type { Client } from 'aedes'
import type { Desired } from '../features/deployments/service.ts'
import type { Notice } from '../features/notices/kinds.ts'
import type { Hub } from '../hub.ts'
import type { Connections } from './connections.ts'
import { createFreshness } from './freshness.ts'
import type { Outbox, Told } from './outbox.ts'
import { type DevicePrincipal, type Principal, principalOf } from './principals.ts'
import { createTold, type Occasion } from './told.ts'
import { covers, topics } from './topics.ts'

type Needs = { hub: Hub; connections: Connections; outbox: Outbox }

/** The topics that are views of the database: what each device should run, as HTTP would answer. */
export function createRetained({ hub, connections, outbox }: Needs) {
  const freshness = createFreshness()
  const told = createTold()

  function tellOf(
    { device: name, deployment }: Desired,
    { client, team, occasion, notice }: { client: Client; team: string; occasion: Occasion; notice?: Told }
  ) {
    const topic = topics.deviceDeployment.of({ team, name })
    if (!outbox.wants(client, topic) || !told.isNews(client, topic, { id: deployment?.id, occasion })) return
    // An empty payload is MQTT's way of saying that a retained topic has no value any more.
    const payload = Buffer.from(deployment === null ? '' : JSON.stringify(deployment))
    outbox.deliver(client, { topic, payload, qos: 1, retain: occasion === 'retained', replaceable: true, notice })
  }

  /** Tells the devices themselves, and the members of their team who have subscribed. */
  async function tellAll({ data: { team }, at }: Notice & { data: { team: string } }, read: Promise<Desired[]>) {
    const rows = await read
    const notice = { on: 'deployment', at }
    freshness.changed()
    for (const row of rows) {
      for (const client of connections.ofDevice(row.deviceId)) tellOf(row, { client, team, occasion: 'live', notice })
      for (const client of connections.ofMembers(row.teamId)) tellOf(row, { client, team, occasion: 'live', notice })
    }
  }

  return {
    /** Tells a client what it finds on the topics that its filters cover. */
    async greet(client: Client, filters: string[], occasion: Occasion) {
      const principal = principalOf(client)
      if (!principal) return
      for (const { team, teamId, name } of scopesOf(principal, filters)) {
        await freshness.use(
          () => hub.deployments.ofTeam(teamId, name),
          (rows) => {
            for (const row of rows) tellOf(row, { client, team, occasion })
          }
        )
      }
    },

    /** Tells of a change to those whom it concerns. */
    async tell(notice: Notice) {
      switch (notice.type) {
        case 'deployment.created': {
          const { application_id: applicationId, board, tag } = notice.data
          return tellAll(notice, hub.deployments.ofAffected(applicationId, board, tag))
        }
        case 'device.updated':
        case 'device.associated':
          return tellAll(notice, hub.deployments.ofDevice(notice.data.device_id))
        case 'application.deleted':
          return tellAll(notice, hub.deployments.ofTeam(notice.teamId ?? ''))
        default:
          return
      }
    }
  }
}

const idOfOwn = ({ device }: DevicePrincipal, team: string) => (device.team === team ? device.teamId : undefined)

/** Which devices' deployments the filters of a principal reach: of one device, or of all of a team. */
function scopesOf(principal: Principal, filters: string[]) {
  const scopes = new Map<string, { team: string; teamId: string; name: string | undefined }>()
  for (const filter of filters) {
    const [team = '', , device = '#'] = filter.split('/')
    const teamId = principal.kind === 'device' ? idOfOwn(principal, team) : principal.teams.get(team)
    const name = device === '+' || device === '#' ? undefined : device
    if (teamId === undefined || !covers(filter, topics.deviceDeployment.of({ team, name: name ?? 'any' }))) continue
    scopes.set(`${team}/${name ?? '+'}`, { team, teamId, name })
  }
  // Where a wildcard reaches all of a team, one device of it is not told of a second time.
  return [...scopes.values()].filter(({ team, name }) => name === undefined || !scopes.has(`${team}/+`))
}
