import mqtt from 'mqtt'
import { asDevice } from './mqtt.ts'

type Device = { name: string; secret: string }
type Front = { base: string; ports: { mqtt: number } }

/** When a device was told to relaunch, and by what; a message is settled once its connection has lasted for a while after it. */
type Telling = { at: number; seq: number | undefined; isSettled: boolean }

const settledAfter = 1000

/**
 * A device as firmware would have it: it sends a heartbeat with a numbered line every so often, and, where `overMqtt`, is
 * connected besides, says numbered lines there too, and comes back when it is cut off.
 */
export function play(
  { base, ports }: Front,
  user: { name: string },
  device: Device,
  { every, overMqtt = true }: { every: number; overMqtt?: boolean }
) {
  const acknowledged: string[] = []
  const relaunches: Telling[] = []
  const stopped = new AbortController()
  const newest = { heartbeat: 0, message: 0 }
  let refused = 0

  async function beat(n: number) {
    const line = `${device.name} heartbeat ${n}`
    const url = `${base}/devices/${device.secret}/heartbeat?status=running`
    try {
      const answer = await fetch(url, { method: 'PUT', body: line, keepalive: false, signal: AbortSignal.timeout(20_000) })
      const text = await answer.text()
      if (answer.status !== 200) return void refused++
      acknowledged.push(line)
      if (text === 'R') relaunches.push({ at: performance.now(), seq: undefined, isSettled: true })
      else if (text !== 'X') newest.heartbeat = Number(text)
    } catch {
      refused++
    }
  }

  const beating = (async () => {
    await Bun.sleep(Math.random() * every)
    for (let n = 0; !stopped.signal.aborted; n++) {
      await beat(n)
      await Bun.sleep(every)
    }
  })()

  const client = overMqtt ? connect() : undefined

  function connect() {
    const options = {
      ...asDevice(user, device),
      clientId: device.name,
      reconnectPeriod: 300,
      connectTimeout: 10_000,
      queueQoSZero: false
    }
    const connected = mqtt.connect(`mqtt://127.0.0.1:${ports.mqtt}`, options)
    let session = 0
    connected.on('error', () => {})
    connected.on('close', () => void session++)
    connected.on(
      'connect',
      () =>
        void connected.subscribe(
          [`${user.name}/devices/${device.name}/deployment`, `${user.name}/devices/${device.name}/relaunch`],
          { qos: 1 }
        )
    )
    connected.on('message', (topic, payload) => {
      const told = JSON.parse(payload.toString()) as { id: number; seq: number }
      if (topic.endsWith('/deployment')) newest.message = told.id
      else hear(told.seq, session)
    })
    function hear(seq: number, during: number) {
      const telling = { at: performance.now(), seq, isSettled: false }
      relaunches.push(telling)
      setTimeout(() => {
        telling.isSettled = during === session
      }, settledAfter)
    }
    void say(connected)
    return connected
  }

  async function say(connected: mqtt.MqttClient) {
    for (let n = 0; !stopped.signal.aborted; n++) {
      await Bun.sleep(every)
      if (!connected.connected) continue
      const line = `${device.name} message ${n}`
      const said = connected.publishAsync(`${user.name}/devices/${device.name}/log`, line, { qos: 1 })
      void said.then(
        () => acknowledged.push(line),
        () => {}
      )
    }
  }

  return {
    device,
    acknowledged,
    relaunches,
    newest,
    refused: () => refused,
    /** How often the device was told of a relaunch of which it had been told for certain. */
    async stop() {
      stopped.abort()
      await beating
      await client?.endAsync(true)
    }
  }
}
