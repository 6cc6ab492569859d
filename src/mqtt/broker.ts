import { Aedes, type Client, type PublishPacket, type Subscription } from 'aedes'
import type { Notice } from '../features/notices/kinds.ts'
import type { Hub } from '../hub.ts'
import { newId } from '../lib/secrets.ts'
import { createConnections } from './connections.ts'
import { handlePublish } from './handlers.ts'
import { createOutbox } from './outbox.ts'
import {
  connackCode,
  mayReceive,
  maySubscribe,
  type Principal,
  principalOf,
  setPrincipal,
  signIn,
  teamsOf
} from './principals.ts'
import { createDeviceTopics } from './retained.ts'
import { createSessions } from './sessions.ts'
import { topics } from './topics.ts'

const connectTimeout = 10_000
const identifierRejected = 2

export type Broker = Awaited<ReturnType<typeof createBroker>>

/** The MQTT edge: Aedes behind hooks that let nobody do anything that the hub has not granted. */
export async function createBroker(hub: Hub) {
  const sessions = createSessions()
  const connections = createConnections()
  const outbox = createOutbox(sessions)
  const deviceTopics = createDeviceTopics({ hub, connections, outbox, sessions })
  const inOrder = createOrder()
  let stopping = false

  const broker = await Aedes.createBroker({
    persistence: sessions.persistence,
    concurrency: 0,
    connectTimeout,
    drainTimeout: 10_000,
    maxTopicLevels: 8,
    preConnect: (client, packet, done) => {
      if (packet.clientId.length > 128) return done(new Error('client identifier too long'), false)
      if (packet.clientId === '' && !packet.clean) anonymousSessions.add(client)
      done(null, true)
    },
    authenticate: (client, username, password, done) => {
      if (anonymousSessions.has(client)) return done(refused(identifierRejected), false) // [MQTT-3.1.3-8]
      authenticate(client, username, password?.toString()).then(
        () => done(null, true),
        (error: unknown) => done(refused(connackCode(error)), false)
      )
    },
    authorizePublish: (client, packet, done) => {
      // Aedes acknowledges a QoS 1 publish only after this hook: what is acknowledged is stored. [MQTT-4.3.2-2]
      if (client) inOrder(client, () => publish(client, packet)).then(() => done(null), done)
      else done(null)
    },
    authorizeSubscribe: (client, subscription, done) => {
      granted(client, subscription).then(
        (may) => done(null, may ? subscription : null),
        () => done(null, null)
      )
    },
    authorizeForward: (client, packet) => {
      const principal = principalOf(client)
      return principal && mayReceive(principal, packet.topic) ? packet : null
    }
  })

  async function authenticate(client: Client, username: string | undefined, password: string | undefined) {
    const principal = await signIn(hub, { username, password, address: addressOf(client) })
    setPrincipal(client, principal)
    // A client id counts among the clients of one device or user only: nobody takes over the connection of another.
    Object.assign(client, { id: `${principal.kind}:${principal.id}:${client.id}` })
  }

  async function publish(client: Client, packet: PublishPacket) {
    const principal = principalOf(client)
    if (!principal || stopping) throw new Error('not authorized')
    if (packet.qos === 2) throw new Error('QoS 2 is not offered')
    packet.retain = false // a retained topic is the hub's own to answer
    await handlePublish(hub, principal, packet.topic, packet.payload.toString())
  }

  async function granted(client: Client, { topic }: Subscription) {
    const principal = principalOf(client)
    if (!principal || topic.startsWith('$')) return false
    if (maySubscribe(principal, topic)) return true
    if (principal.kind === 'device') return false
    principal.teams = await teamsOf(hub, principal.id) // may have joined a team since
    return maySubscribe(principal, topic)
  }

  broker.on('client', (client) => {
    const principal = principalOf(client)
    if (!principal) return
    connections.add(client, principal)
    if (principal.kind === 'device') hub.presence.join(principal.id)
    else endWithToken(client, principal.expiresAt)
  })
  broker.on('clientReady', (client) => {
    const restored = Object.keys((client as Client & { subscriptions: object }).subscriptions)
    if (restored.length > 0) void deviceTopics.greet(client, restored, false)
  })
  broker.on('clientDisconnect', (client) => {
    const principal = principalOf(client)
    if (!principal) return
    connections.remove(client, principal)
    if (client.clean) sessions.end(client.id)
    if (principal.kind !== 'device') return
    hub.presence.leave(principal.id)
    if (!stopping)
      hub.reports
        .seen(principal.id)
        .catch((error: unknown) => hub.log.error({ err: error }, 'a device could not be noted as seen'))
  })
  broker.on('subscribe', (subscriptions, client) => {
    const filters = subscriptions.filter(({ qos }) => (qos as number) !== 128).map(({ topic }) => topic)
    if (filters.length > 0) void deviceTopics.greet(client, filters, true)
  })
  broker.on('clientError', (client, error) => hub.log.debug({ client: client.id, reason: error.message }, 'MQTT client cut off'))
  broker.on('connectionError', (_client, error) => hub.log.debug({ reason: error.message }, 'MQTT connection refused'))
  broker.on('error' as 'closed', ((error: Error) => hub.log.error({ err: error }, 'MQTT broker')) as () => void)

  const close = (clients: Iterable<Client>) => {
    for (const client of Array.from(clients)) client.close()
  }
  const devicesOf = (team: string) =>
    connections.devicesWhere((principal) => principal.kind === 'device' && principal.device.team === team, principalOf)

  /** Who may no longer be here is cut off; who has joined or left a team sees more or less. */
  function applyAccess(notice: Notice) {
    switch (notice.type) {
      case 'device.deleted':
        close(connections.ofDevice(notice.data.device_id))
        for (const id of connections.forgetDevice(notice.data.device_id)) sessions.end(id)
        return
      case 'account.deleted':
        close(connections.ofUser(notice.userId ?? ''))
        return close(devicesOf(notice.data.username))
      case 'team.deleted':
        close(devicesOf(notice.data.team))
        return setTeam(notice, undefined)
      case 'member.removed':
        return setTeam(notice, undefined)
      case 'member.set':
        return setTeam(notice, notice.teamId)
      default:
        return
    }
  }

  function setTeam({ userId = '', data }: { userId?: string; data: { team: string } }, teamId: string | undefined) {
    for (const client of connections.ofUser(userId)) {
      const { teams } = principalOf(client) as Extract<Principal, { kind: 'user' }>
      if (teamId === undefined) teams.delete(data.team)
      else teams.set(data.team, teamId)
    }
  }

  const stopNotices = hub.notices.listen((notice) => {
    applyAccess(notice)
    deviceTopics.tell(notice)
  })

  // What came over MQTT, Aedes passes on by itself; what came over HTTP is told to the same subscribers.
  const stopReports = hub.reports.listen(({ device: { team, name, teamId }, over, status, lines }) => {
    if (over === 'mqtt' || connections.ofMembers(teamId).length === 0) return
    if (status !== undefined) pass(topics.deviceStatus.of({ team, name }), status)
    if (lines.length > 0) pass(topics.deviceLog.of({ team, name }), lines.join('\n'))
  })

  const pass = (topic: string, payload: string) =>
    broker.publish({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false }, () => {})

  /** Resolves when a message has gone through the broker. */
  async function check() {
    const topic = `$hub/health/${newId()}`
    const { promise, resolve } = Promise.withResolvers<void>()
    const listener = (_packet: unknown, done: () => void) => {
      resolve()
      done()
    }
    broker.subscribe(topic, listener, () => pass(topic, ''))
    try {
      await promise
    } finally {
      broker.unsubscribe(topic, listener, () => {})
    }
  }
  hub.setBrokerCheck(check)

  return {
    /** Takes over a connection, before its CONNECT. */
    handle: broker.handle,
    /** How many clients are connected. */
    connected: () => broker.connectedClients,
    /** Ends every connection. Nobody's will is published: it is the hub that goes, not its clients. */
    async stop() {
      stopping = true
      stopNotices()
      stopReports()
      await new Promise<void>((resolve) => broker.close(resolve))
    }
  }
}

// Clients that want a session without a name to find it by.
const anonymousSessions = new WeakSet<Client>()

const refused = (returnCode: number) => Object.assign(new Error('connection refused'), { returnCode })

const addressOf = ({ conn }: Client) => ('remoteAddress' in conn && conn.remoteAddress) || 'unknown'

/** Closes a user's connection when the token that it was made with ends. */
function endWithToken(client: Client, expiresAt: number) {
  const timer = setTimeout(() => client.close(), Math.min(expiresAt - Date.now(), 2 ** 31 - 1))
  timer.unref()
  client.conn.once('close', () => clearTimeout(timer))
}

/** Runs what each client sends one after the other: stored and acknowledged in the order in which it came [MQTT-4.6.0-2]. */
function createOrder() {
  const last = new WeakMap<Client, Promise<unknown>>()
  return <T>(client: Client, work: () => Promise<T>) => {
    const run = (last.get(client) ?? Promise.resolve()).then(work)
    last.set(
      client,
      run.catch(() => {})
    )
    return run
  }
}
