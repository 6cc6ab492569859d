import { createApp, createDirectRoutes, createForwarding } from './app.ts'
import type { Config } from './config.ts'
import type { Limits } from './features/accounts/limits.ts'
import { serveHttp } from './http.ts'
import { createHub } from './hub.ts'
import type { Clock } from './lib/clock.ts'
import type { Log } from './lib/log.ts'
import { createBroker } from './mqtt/broker.ts'
import type { MqttLimits } from './mqtt/limits.ts'
import { listenForMqtt } from './mqtt/listeners.ts'
import { createWebSocketConnections } from './mqtt/websocket.ts'

const graceForRequests = 5000

export type RunningHub = Awaited<ReturnType<typeof runHub>>

type Replaceable = { clock?: Clock; limits?: Limits; mqttLimits?: Partial<MqttLimits>; enginePatience?: number }

/** Starts a whole hub: services, broker, HTTP and MQTT. All that can be replaced is for tests. */
export async function runHub({ config, log, mqttLimits = {}, ...replaced }: { config: Config; log: Log } & Replaceable) {
  const hub = await createHub({ config, log, ...replaced })
  const admin = await hub.accounts.ensureAdmin(config.admin)
  const broker = await createBroker(hub, { limits: mqttLimits })
  const mqtt = await listenForMqtt(hub, broker)
  const app = createApp(hub)
  const http = serveHttp(hub, {
    app,
    direct: createDirectRoutes(hub),
    forwarding: createForwarding(hub),
    sockets: createWebSocketConnections(broker)
  })
  hub.listensOn(http.port)
  hub.upkeep.start()
  hub.repos.poller.start()
  await hub.startWork()
  hub.enter('up')

  return {
    hub,
    app,
    broker,
    ports: { http: http.port, mqtt: mqtt.port, mqtts: mqtt.tlsPort },
    /** The first administrator, where this start made one; the password only where the hub made it up. */
    admin,
    /** Says that work belongs elsewhere, and lets MQTT clients go over `ms`, some at a time; ends at once when `hurry` is aborted. */
    async drain(ms: number, hurry: AbortSignal) {
      hub.enter('draining')
      await broker.drain(ms, hurry)
    },
    /** Ends in order: no new callers, endless answers end, requests under way finish, connections close, the database last. */
    async stop() {
      mqtt.stop()
      hub.beginStop()
      await Promise.all([http.stop(graceForRequests), broker.stop()])
      await hub.close()
    }
  }
}
