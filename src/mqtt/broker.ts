import { Aedes, type Client } from 'aedes'
import { writeToStream } from 'mqtt-packet'
import type { Hub } from '../hub.ts'
import { createAccess } from './access.ts'
import { createArrivals } from './arrivals.ts'
import { createConnect } from './connect.ts'
import { createConnections } from './connections.ts'
import { letGo } from './draining.ts'
import { createElsewhere } from './elsewhere.ts'
import { insideOf } from './guards/aedes.ts'
import { createGuards } from './guards/clients.ts'
import { bypassEmitter } from './guards/emitter.ts'
import { keepLean } from './guards/lean.ts'
import { checkHealth } from './health.ts'
import { createHooks } from './hooks.ts'
import { createLatestReleases } from './latest-releases.ts'
import { createLatestVersions } from './latest-versions.ts'
import { defaultMqttLimits, type MqttLimits } from './limits.ts'
import { createLines } from './lines.ts'
import { createNews, type Occasion } from './news.ts'
import { createOutbox, type Outgoing, type Told } from './outbox.ts'
import { createPackageTopics } from './packages.ts'
import { createPublishing } from './publishing.ts'
import { createRelaunches } from './relaunches.ts'
import { createReports } from './reports.ts'
import { createRetained } from './retained.ts'
import { createSessions } from './sessions.ts'
import { createTaskTopics } from './tasks.ts'
import { levelsAtMost } from './topics.ts'
import { createBudget } from './turns.ts'
import type { Line, Wire } from './wire.ts'
import { createWork, untilItAnswers } from './work.ts'

const drainTimeout = 10_000
const refusedQos = 128

export type Broker = Awaited<ReturnType<typeof createBroker>>

/** The MQTT edge: Aedes speaks the protocol; who may do what, and what anybody is sent, the hub decides. `limits` are for tests. */
export async function createBroker(hub: Hub, { limits: changed = {} }: { limits?: Partial<MqttLimits> } = {}) {
  const limits = { ...defaultMqttLimits, ...changed }
  const work = createWork(hub.log)
  const budget = createBudget(limits.turn)
  const sessions = createSessions()
  const elsewhere = createElsewhere({
    relay: hub.relay,
    told: (teamId, told) => reports.tellHere(teamId, told),
    spoken: (spoken) => tasks.pass(spoken)
  })
  const connections = createConnections(elsewhere)
  const guards = createGuards(hub, limits)
  const outbox = createOutbox(sessions, ({ on, at }: Told) =>
    hub.metrics.noticeTold(on, hub.clock.now().getTime() - at.getTime())
  )
  const access = createAccess({ hub, connections, sessions })
  const reports = createReports({ connections, outbox, elsewhere })
  const publishing = createPublishing({ hub, reports, work })
  const news = createNews()
  const retained = createRetained({ hub, connections, outbox, budget })
  const latestVersions = createLatestVersions({ hub, outbox, news })
  const latestReleases = createLatestReleases({ hub, connections, outbox, sessions, news })
  const tasks = createTaskTopics({ hub, connections, outbox, sessions, news })
  const packages = createPackageTopics({ hub, outbox })
  const relaunches = createRelaunches({ hub, connections, outbox, sessions, work })
  const tellers = [retained, latestVersions, latestReleases, tasks, packages, relaunches]
  let stopping = false

  const greet = (client: Client, filters: string[], occasion: Occasion) => {
    if (filters.length === 0) return
    // Who cannot be told now comes back, and is told then.
    const orCutOff = (greeting: Promise<unknown>) =>
      greeting.catch((error: unknown) => {
        client.close()
        throw error
      })
    work.run('telling a subscriber what there is', orCutOff(retained.greet(client, filters, occasion)))
    work.run('telling a subscriber of the latest versions', orCutOff(latestVersions.greet(client, filters, occasion)))
    work.run('telling a watcher of latest releases', orCutOff(latestReleases.greet(client, filters, occasion)))
    work.run('telling an owner of tasks', orCutOff(tasks.greet(client, filters, occasion)))
    work.run('telling a subscriber of packages', orCutOff(packages.greet(client, filters, occasion)))
    work.run('telling a device of a relaunch', orCutOff(relaunches.greet(client)))
  }
  const letIn = (client: Client) => {
    outbox.open(client)
    greet(client, Object.keys(insideOf(client).subscriptions), 'live')
  }
  const isStopping = () => stopping
  const { arrive, left } = createArrivals({ hub, connections, sessions, guards, work, isStopping })
  const connect = createConnect({ hub, access, sessions, budget, arrive, letIn })
  const hooks = createHooks({ hub, access, publishing, sessions, limits, isStopping })
  writeToStream.cacheNumbers = false // 65,536 Buffers, 8 MB, to save one of two bytes
  const broker = await Aedes.createBroker({
    ...hooks,
    persistence: sessions.persistence,
    concurrency: 0,
    drainTimeout,
    maxTopicLevels: levelsAtMost
  })
  bypassEmitter(broker)
  const leave = (client: Client) => {
    for (const listeners of [latestVersions, packages, outbox]) listeners.left(client)
    left(client)
  }
  const line = createLines({ broker, guards, limits, budget, log: hub.log, connect, publish: publishing.publish, left: leave })

  broker.on('subscribe', (subscriptions, client) => {
    const granted = subscriptions.filter(({ qos }) => (qos as number) !== refusedQos).map(({ topic }) => topic)
    keepLean(client, granted)
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
    const tellOnce = () => Promise.all(tellers.map(({ tell }) => tell(notice)))
    const telling = told.then(() => untilItAnswers(tellOnce, isStopping))
    work.run('telling a notice', telling)
    told = telling.catch(() => {})
  })
  hub.tasks.listen((spoken) => {
    tasks.pass(spoken)
    elsewhere.pass(spoken)
  })
  const stopReports = hub.reports.listen(reports.tellHeartbeat)
  hub.setBrokerCheck(() => checkHealth(broker))
  hub.metrics.watch('updraft_mqtt_clients', 'MQTT clients that are signed in', connections.count)
  hub.metrics.watch('updraft_mqtt_connections', 'MQTT connections, signed in or not', () => guards.wires.size)
  hub.metrics.watch('updraft_mqtt_unacknowledged', 'Messages that MQTT clients have not acknowledged', sessions.unacknowledged)

  return {
    /** Takes over a new connection. */
    handle(wire: Wire) {
      if (stopping) wire.destroy()
      else guards.admit(wire)
    },

    /** Whom connections tell of what happens to them. */
    line: line as Line,

    /** How much it takes from clients. */
    limits,

    /** How many clients are signed in. */
    connected: connections.count,

    /** Resolves when nothing is under way: what was changed until now has been told. */
    settled: work.done,

    /** Lets clients go over `ms`; those who come meanwhile too. */
    drain: (ms: number, hurry: AbortSignal) => letGo(connections.all, ms, hurry),

    /** Ends every connection. Nobody's will is published: it is the hub that goes, not its clients. */
    async stop() {
      stopping = true
      stopNotices()
      stopReports()
      await new Promise<void>((resolve) => broker.close(resolve))
      guards.stop()
      for (const wire of guards.wires) wire.destroy()
      await work.done()
    }
  }
}
