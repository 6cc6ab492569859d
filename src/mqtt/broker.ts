import { Aedes, type Client, type Connection } from 'aedes'
import { writeToStream } from 'mqtt-packet'
import type { Hub } from '../hub.ts'
import { createAccess } from './access.ts'
import { createArrivals } from './arrivals.ts'
import { createConnections } from './connections.ts'
import { createGuards } from './guards/clients.ts'
import { bypassEmitter } from './guards/emitter.ts'
import { checkHealth } from './health.ts'
import { createHooks } from './hooks.ts'
import { createLatestReleases } from './latest-releases.ts'
import { defaultMqttLimits, type MqttLimits } from './limits.ts'
import { createOutbox, type Outgoing, type Told } from './outbox.ts'
import { createPackageTopics } from './packages.ts'
import { createRelaunches } from './relaunches.ts'
import { createReports } from './reports.ts'
import { createRetained } from './retained.ts'
import { createSessions } from './sessions.ts'
import { createTaskTopics } from './tasks.ts'
import type { Occasion } from './told.ts'
import { levelsAtMost } from './topics.ts'
import { createWork } from './work.ts'

const drainTimeout = 10_000
const refusedQos = 128

export type Broker = Awaited<ReturnType<typeof createBroker>>

/** The MQTT edge: Aedes speaks the protocol; who may do what, and what anybody is sent, the hub decides. `limits` are for tests. */
export async function createBroker(hub: Hub, { limits: changed = {} }: { limits?: Partial<MqttLimits> } = {}) {
  const limits = { ...defaultMqttLimits, ...changed }
  const work = createWork(hub.log)
  const sessions = createSessions()
  const connections = createConnections()
  const guards = createGuards(hub, limits)
  const outbox = createOutbox(sessions, ({ on, at }: Told) =>
    hub.metrics.noticeTold(on, hub.clock.now().getTime() - at.getTime())
  )
  const access = createAccess({ hub, connections, sessions })
  const reports = createReports({ connections, outbox })
  const retained = createRetained({ hub, connections, outbox })
  const latestReleases = createLatestReleases({ hub, connections, outbox, sessions })
  const tasks = createTaskTopics({ hub, connections, outbox, sessions })
  const packages = createPackageTopics({ hub, outbox })
  const relaunches = createRelaunches({ hub, connections, outbox, sessions, work })
  let stopping = false

  const isStopping = () => stopping
  const { arrive } = createArrivals({ hub, connections, sessions, guards, work, isStopping })
  const hooks = createHooks({ hub, access, reports, sessions, work, limits, arrive, isStopping })
  writeToStream.cacheNumbers = false // 65,536 Buffers, 8 MB, to save one of two bytes
  const broker = await Aedes.createBroker({
    ...hooks,
    persistence: sessions.persistence,
    concurrency: 0,
    connectTimeout: limits.signInWithin,
    drainTimeout,
    maxTopicLevels: levelsAtMost
  })
  bypassEmitter(broker)

  const greet = (client: Client, filters: string[], occasion: Occasion) => {
    if (filters.length === 0) return
    work.run('telling a subscriber what there is', retained.greet(client, filters, occasion))
    work.run('telling a watcher of latest releases', latestReleases.greet(client, filters, occasion))
    work.run('telling an owner of tasks', tasks.greet(client, filters, occasion))
    work.run('telling a device of a relaunch', relaunches.greet(client))
    work.run('telling a subscriber of packages', packages.greet(client, filters, occasion))
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
  broker.on('ack', (message, client) => {
    if (message) guards.acknowledged(client)
    outbox.acknowledged(client, message as unknown as Outgoing | undefined)
  })
  broker.on('clientError', guards.ended)
  broker.on('connectionError', guards.ended)
  broker.on('error' as 'closed', ((error: Error) => hub.log.error({ err: error }, 'MQTT broker')) as () => void)

  // One notice after the other: what is told of a topic follows commit order although the rows are read anew.
  let told: Promise<unknown> = Promise.resolve()
  const stopNotices = hub.notices.listen((notice) => {
    access.tell(notice)
    relaunches.note(notice)
    const telling = told.then(() =>
      Promise.all([retained, relaunches, latestReleases, tasks, packages].map(({ tell }) => tell(notice)))
    )
    work.run('telling a notice', telling)
    told = telling.catch(() => {})
  })
  hub.tasks.listen(tasks.pass)
  const stopReports = hub.reports.listen(reports.tellHeartbeat)
  hub.setBrokerCheck(() => checkHealth(broker))
  hub.metrics.watch('updraft_mqtt_clients', 'MQTT clients that are signed in', connections.count)
  hub.metrics.watch('updraft_mqtt_connections', 'MQTT connections, signed in or not', () => guards.streams.size)
  hub.metrics.watch('updraft_mqtt_unacknowledged', 'Messages that MQTT clients have not acknowledged', sessions.unacknowledged)

  return {
    /** Counts a connection in before anything is read of it; gives whether it may stay. */
    admit: guards.admit,

    /** Takes over a connection, before its CONNECT. */
    handle(stream: Connection) {
      if (stopping) return void stream.destroy()
      if (guards.admit(stream)) guards.guard(broker.handle(stream))
    },

    /** Whether a connection has signed in. */
    isSignedIn: guards.isSignedIn,

    /** How much it takes from clients. */
    limits,

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
      guards.stop()
      for (const stream of guards.streams) stream.destroy()
      await work.done()
    }
  }
}
