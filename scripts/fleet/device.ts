import type { IPublishPacket } from 'mqtt-packet'
import { sendHeartbeat } from './heartbeat.ts'
import { createMqttLink, dropped, type MqttLink } from './mqtt-link.ts'
import { between, createRandom } from './random.ts'
import type { World } from './world.ts'

/** A device as it was registered. */
export type Registered = { index: number; name: string; secret: string }

export type Device = ReturnType<typeof createDevice>

/** One simulated device: told by MQTT or by heartbeat, it downloads, checks, and reports what it runs. */
export function createDevice({ index, name, secret }: Registered, { setting, tally, download, beats }: World) {
  const random = createRandom(setting.seed, index)
  const topic = (last: string) => `${setting.team}/devices/${name}/${last}`
  const clean = random() >= setting.persistent
  const started = Promise.withResolvers<void>()
  let link: MqttLink | undefined
  let subscribed = false
  let connectedAt = Number.POSITIVE_INFINITY // not yet
  let wanted: number | undefined // what it was told to run
  let runs: number | undefined // what it has and has checked
  let reporting: number | undefined // the number of the message that says so
  let known = false // whether the hub has stored that
  let beating = false

  function connect() {
    const sign = { clientId: name, username: `${setting.team}/${name}`, password: Buffer.from(secret), clean }
    const keepalive = Math.ceil((3 * setting.heartbeat) / 1000)
    const filters = [topic('deployment'), topic('relaunch')]
    const on = { ready, publish, acknowledged, closed: lost }
    link = createMqttLink({ address: setting.mqtt, index, sign: { ...sign, keepalive }, filters, on })
  }

  function ready() {
    subscribed = true
    connectedAt = tally.ready()
    started.resolve()
    report()
  }

  /** The hub, or the network, has ended the connection: the heartbeat is the way until it is back. */
  function lost(reason: string) {
    if (reason === dropped) return
    away(between(500, 2000, random))
    tally.counts.cutOff += 1
    tally.wrong(reason)
    void beat()
  }

  function away(wait: number) {
    if (subscribed) tally.counts.connected -= 1
    subscribed = false
    connectedAt = Number.POSITIVE_INFINITY
    link = undefined
    reporting = undefined
    setTimeout(connect, wait)
  }

  function publish({ topic: on, payload, messageId }: IPublishPacket) {
    if (random() < setting.loss) return void (tally.counts.noticesLost += 1)
    if (messageId !== undefined) link?.acknowledge(messageId)
    if (on !== topic('deployment') || payload.length === 0) return
    const { id } = JSON.parse(payload.toString()) as { id: number }
    learn(id, () => tally.told(connectedAt))
  }

  function learn(id: number, count: () => void) {
    if (id === wanted) return
    wanted = id
    count()
    void install(id)
  }

  async function install(id: number) {
    const sha256 = await download({ index, secret, id, random })
    if (sha256 !== setting.sha256) return void (tally.counts.wrong += 1)
    runs = id
    if (subscribed) report()
    else void beat()
  }

  /** Says over MQTT what it runs. Not beside a heartbeat, which may say otherwise and be stored later. */
  function report() {
    if (runs === undefined || known || beating || !subscribed) return
    reporting = link?.publish(topic('status'), JSON.stringify({ status: 'running', deployment_id: runs }))
  }

  function acknowledged(messageId: number) {
    if (messageId === reporting) stored()
  }

  function stored() {
    if (!known) tally.runs()
    known = true
  }

  async function beat() {
    if (beating) return
    beating = true
    tally.counts.heartbeats += 1
    const says = runs
    const answer = await beats.run(() => sendHeartbeat({ index, secret, runs: says }, { setting, tally }))
    beating = false
    if (answer === undefined) return
    if (says !== undefined) stored()
    if (/^\d+$/.test(answer)) learn(Number(answer), () => void (tally.counts.toldByHeartbeat += 1))
    report()
  }

  /** A heartbeat from time to time, and over MQTT a sign of life with it. */
  function beatRegularly() {
    link?.ping()
    void beat()
    setTimeout(beatRegularly, setting.heartbeat)
  }

  return {
    /** Connects, and begins its heartbeats; resolves when it is connected. */
    start() {
      connect()
      setTimeout(beatRegularly, between(0, setting.heartbeat, random))
      return started.promise
    },

    /** Drops its connection without DISCONNECT and comes back after `wait` ms. */
    drop(wait = between(100, 2000, random)) {
      if (!subscribed || !link) return
      const leaving = link
      away(wait)
      tally.counts.dropped += 1
      leaving.drop()
    },

    /** Sends a heartbeat now. */
    beat
  }
}
