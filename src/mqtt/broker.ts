import { Aedes, type Client, type Connection } from 'aedes'
import type { Hub } from '../hub.ts'
import { createAccess } from './access.ts'
import { createArrivals } from './arrivals.ts'
import { createConnections } from './connections.ts'
import { checkHealth } from './health.ts'
import { createHooks } from './hooks.ts'
import { createOutbox, type Outgoing } from './outbox.ts'
import { createRelaunches } from './relaunches.ts'
import { createReports } from './reports.ts'
import { createRetained } from './retained.ts'
import { createSessions } from './sessions.ts'
import { levelsAtMost } from './topics.ts'
import { createWork } from './work.ts'

const connectTimeout = 10_000
const drainTimeout = 10_000
const refusedQos = 128

export type Broker = Awaited<ReturnType<typeof createBroker>>

/** The MQTT edge: Aedes speaks the protocol; who may do what, and what anybody is sent, the hub decides. */
export async function createBroker(hub: Hub) {
  const work = createWork(hub.log)
  const sessions = createSessions()
  const connections = createConnections()
  const outbox = createOutbox(sessions)
  const access = createAccess({ hub, connections, sessions })
  const reports = createReports({ connections, outbox })
  const retained = createRetained({ hub, connections, outbox })
  const relaunches = createRelaunches({ hub, connections, outbox, sessions, work })
  const streams = new Set<Connection>()
  let stopping = false

  const isStopping = () => stopping
  const { arrive } = createArrivals({ hub, connections, sessions, work, isStopping })
  const hooks = createHooks({ hub, access, reports, work, arrive, isStopping })
  const broker = await Aedes.createBroker({
    ...hooks,
    persistence: sessions.persistence,
    concurrency: 0,
    connectTimeout,
    drainTimeout,
    maxTopicLevels: levelsAtMost
  })

  const greet = (client: Client, filters: string[], occasion: 'retained' | 'live') => {
    if (filters.length === 0) return
    work.run('telling a subscriber what there is', retained.greet(client, filters, occasion))
    work.run('telling a device of a relaunch', relaunches.greet(client))
  }
  // Not at `clientReady`: between the CONNACK and that, a quick client has subscribed already.
  broker.on('connackSent', ({ returnCode }, client) => {
    if (returnCode !== 0 || client.closed) return
    outbox.open(client)
    greet(client, Object.keys((client as Client & { subscriptions: object }).subscriptions), 'live')
  })
  broker.on('subscribe', (subscriptions, client) => {
    const granted = subscriptions.filter(({ qos }) => (qos as number) !== refusedQos).map(({ topic }) => topic)
    greet(client, granted, 'retained')
  })
  broker.on('ack', (message, client) => outbox.acknowledged(client, message as unknown as Outgoing | undefined))
  broker.on('clientError', (client, error) => hub.log.debug({ client: client.id, reason: error.message }, 'MQTT client cut off'))
  broker.on('connectionError', (_client, error) => hub.log.debug({ reason: error.message }, 'MQTT connection refused'))
  broker.on('error' as 'closed', ((error: Error) => hub.log.error({ err: error }, 'MQTT broker')) as () => void)

  // One notice after the other: what is told of a topic follows commit order although the rows are read anew.
  let told: Promise<unknown> = Promise.resolve()
  const stopNotices = hub.notices.listen((notice) => {
    access.tell(notice)
    relaunches.note(notice)
    const telling = told.then(() => Promise.all([retained.tell(notice), relaunches.tell(notice)]))
    work.run('telling a notice', telling)
    told = telling.catch(() => {})
  })
  const stopReports = hub.reports.listen(reports.tellHeartbeat)
  hub.setBrokerCheck(() => checkHealth(broker))

  return {
    /** Takes over a connection, before its CONNECT. */
    handle(stream: Connection) {
      if (stopping) return void stream.destroy()
      streams.add(stream)
      stream.once('close', () => streams.delete(stream))
      broker.handle(stream)
    },

    /** How many clients are signed in. */
    connected: connections.count,

    /** Resolves when nothing is under way: what was changed until now has been told. */
    settled: work.done,

    /** Ends every connection. Nobody's will is published: it is the hub that goes, not its clients. */
    async stop() {
      stopping = true
      stopNotices()
      stopReports()
      await new Promise<void>((resolve) => broker.close(resolve))
      for (const stream of streams) stream.destroy()
      await work.done()
    }
  }
}
