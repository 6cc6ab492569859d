import type { Client } from 'aedes'
import type { Desired } from '../features/deployments/service.ts'
import type { Device } from '../features/devices/columns.ts'
import type { Notice } from '../features/notices/kinds.ts'
import type { Hub } from '../hub.ts'
import type { Connections } from './connections.ts'
import type { Occasion } from './news.ts'
import type { Outbox, Told } from './outbox.ts'
import { type Principal, principalOf } from './principals.ts'
import { covers, topics } from './topics.ts'
import type { Budget } from './turns.ts'

const readAtOnce = 500

type Needs = { hub: Hub; connections: Connections; outbox: Outbox; budget: Budget }

/** To whom a reading of the database is told, and why; `asOf`: the number of the reading. */
type Telling = { client: Client; team: string; occasion: Occasion; asOf: number; notice?: Told }

/** Of the database: which deployment a device should run. */
type Reading = { id: number | undefined; asOf: number }

type Greeted = { client: Client; principal: Principal; occasion: Occasion }

/** The topics that are views of the database: what each device should run, as HTTP would answer. */
export function createRetained({ hub, connections, outbox, budget }: Needs) {
  // Which deployment each connection was last told of, by topic: nothing is said twice, an end is told to whom it concerns,
  // and what was read earlier is not told after what was read later.
  const told = new WeakMap<Client, Map<string, Reading>>()
  const toldDevices = new WeakMap<Client, Reading>() // each of the one topic that it has
  let readings = 0

  const isDevice = (client: Client) => principalOf(client)?.kind === 'device'
  const lastTold = (client: Client, topic: string) => (isDevice(client) ? toldDevices.get(client) : told.get(client)?.get(topic))

  function note(client: Client, topic: string, reading: Reading) {
    if (isDevice(client)) return void toldDevices.set(client, reading)
    const known = told.get(client) ?? new Map<string, Reading>()
    told.set(client, known.set(topic, reading))
  }

  /** Whether this is news to the client; from then on it is known. */
  function isNews(topic: string, id: number | undefined, { client, occasion, asOf }: Telling) {
    const before = lastTold(client, topic)
    if (id !== undefined || told.has(client) || toldDevices.has(client)) note(client, topic, { id, asOf })
    return occasion === 'retained' ? id !== undefined : before?.id !== id
  }

  /** Gives false where the client has been told already of what was read later. */
  function tellOf({ device: name, deployment }: Desired, telling: Telling) {
    const { client, team, occasion, asOf, notice } = telling
    const topic = topics.deviceDeployment.of({ team, name })
    if (!outbox.wants(client, topic)) return true
    if ((lastTold(client, topic)?.asOf ?? 0) > asOf) return false
    if (!isNews(topic, deployment?.id, telling)) return true
    // An empty payload is MQTT's way of saying that a retained topic has no value any more.
    const payload = Buffer.from(deployment === null ? '' : JSON.stringify(deployment))
    outbox.deliver(client, { topic, payload, qos: 1, retain: occasion === 'retained', replaceable: true, notice })
    return true
  }

  /** Tells the devices themselves, and the members of their team who have subscribed; of many, in turn with all else. */
  async function tellAll({ data: { team }, at }: Notice & { data: { team: string } }, read: Promise<Desired[]>) {
    const telling = { team, occasion: 'live', asOf: ++readings, notice: { on: 'deployment', at } } as const
    for (const row of await read) {
      for (const client of connections.ofDevice(row.deviceId)) tellOf(row, { client, ...telling })
      for (const client of connections.ofMembers(row.teamId)) tellOf(row, { client, ...telling })
      await budget.breathe()
    }
  }

  /** A hub reads only what its own clients are to be told: of a million devices, those that are connected to it. */
  async function tellAffected(notice: Extract<Notice, { type: 'deployment.created' }>) {
    const { application_id: applicationId, board, tag } = notice.data
    const affected = { applicationId, board, tag }
    if (connections.ofMembers(notice.teamId ?? '').size > 0) return tellAll(notice, hub.deployments.ofAffected(affected))
    const here = connections.devicesOf(applicationId)
    for (let from = 0; from < here.length; from += readAtOnce)
      await tellAll(notice, hub.deployments.ofAffected(affected, here.slice(from, from + readAtOnce)))
  }

  /** What a device should run is in memory; it has no topic but its own. */
  async function readOwn({ id, teamId, name }: Device): Promise<Desired[]> {
    const state = await hub.devices.state(id)
    return state ? [{ deviceId: id, teamId, device: name, deployment: state.deployment }] : []
  }

  const readScope = (principal: Principal, { teamId, name }: Scope) =>
    principal.kind === 'device' ? readOwn(principal.device) : hub.deployments.ofTeam(teamId, name)

  /** Every topic in the scope that the client has subscribed to gets its answer: what changes meanwhile is read again. */
  async function greetScope({ client, principal, occasion }: Greeted, scope: Scope) {
    let names: Set<string> | undefined
    do {
      const telling = { client, team: scope.team, occasion, asOf: ++readings }
      const outdated = new Set<string>()
      for (const row of await readScope(principal, scope)) {
        if (!isIn(principal, scope)) return
        if (names?.has(row.device) !== false && !tellOf(row, telling)) outdated.add(row.device)
        await budget.breathe()
      }
      names = outdated
    } while (names.size > 0)
  }

  return {
    /** Tells a client what it finds on the topics that its filters cover. */
    async greet(client: Client, filters: string[], occasion: Occasion) {
      const principal = principalOf(client)
      if (!principal) return
      for (const scope of scopesOf(principal, filters)) await greetScope({ client, principal, occasion }, scope)
    },

    /** Tells of a change to those whom it concerns. */
    async tell(notice: Notice) {
      switch (notice.type) {
        case 'deployment.created':
          return tellAffected(notice)
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

/** Whether a principal is in the team, still. */
const isIn = (principal: Principal, { team, teamId }: Scope) => teamIdOf(principal, team) === teamId

function teamIdOf(principal: Principal, team: string) {
  if (principal.kind === 'device') return principal.device.team === team ? principal.device.teamId : undefined
  return principal.kind === 'user' ? principal.teams.get(team) : undefined
}

type Scope = { team: string; teamId: string; name: string | undefined }

/** Which devices' deployments the filters of a principal reach: of one device, or of all of a team. */
function scopesOf(principal: Principal, filters: string[]) {
  const scopes = new Map<string, Scope>()
  for (const filter of filters) {
    const [team = '', , device = '#'] = filter.split('/')
    const teamId = teamIdOf(principal, team)
    const name = device === '+' || device === '#' ? undefined : device
    if (teamId === undefined || !covers(filter, topics.deviceDeployment.of({ team, name: name ?? 'any' }))) continue
    scopes.set(`${team}/${name ?? '+'}`, { team, teamId, name })
  }
  // Where a wildcard reaches all of a team, one device of it is not told of a second time.
  return [...scopes.values()].filter(({ team, name }) => name === undefined || !scopes.has(`${team}/+`))
}
