import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt'
import type { Board, Link, Told } from './board.ts'
import { ensure, type Journal } from './journal.ts'

type Options = { board: Board; journal: Journal; broker: string; base: string; team: string; secret: string }

export type MqttDevice = ReturnType<typeof createMqttDevice>

/** A device that is told by MQTT, over TCP or WebSocket as the address of the broker says, and downloads by HTTP. */
export function createMqttDevice({ board, journal, broker, base, team, secret }: Options) {
  const topic = (last: string) => `${team}/devices/${board.name}/${last}`
  let client: MqttClient | undefined
  let work = Promise.resolve()

  const publish = async (last: string, payload: string) => client?.publishAsync(topic(last), payload, { qos: 1 })

  const link: Link = {
    async download(id) {
      const response = await fetch(`${base}/devices/${secret}/image?deployment_id=${id}`)
      ensure(response.status === 200, `${board.name} got ${response.status} for deployment ${id}`)
      return { bytes: Buffer.from(await response.arrayBuffer()), how: 'in one piece' }
    },
    async reportRunning(id) {
      await publish('log', `runs deployment ${id}`)
      await publish('status', JSON.stringify({ status: 'running', deployment_id: id }))
    }
  }

  async function receive(on: string, payload: string, retained: boolean) {
    const notice = JSON.parse(payload) as Told & { seq?: number }
    if (on === topic('deployment')) return board.install({ ...notice, retained }, link)
    ensure(on === topic('relaunch'), `${board.name} was sent ${on}, which it did not ask for`)
    board.relaunch(`seq ${notice.seq}`)
    await publish('log', 'relaunched')
  }

  /** One message after the other, as a single-threaded board does. */
  function onMessage(on: string, payload: Buffer, { retain }: IPublishPacket) {
    work = work.then(() => receive(on, payload.toString(), retain)).catch(journal.fail)
  }

  return {
    ...board,

    /** Connects, says that it is ready, and subscribes to its two topics at QoS 1. */
    async connect() {
      const options = { username: `${team}/${board.name}`, password: secret, reconnectPeriod: 0, connectTimeout: 5000 }
      const connected = await mqtt.connectAsync(broker, options, false)
      client = connected
      connected.on('message', onMessage)
      connected.on('error', journal.fail)
      connected.on('close', () => {
        if (client === connected) journal.fail(new Error(`${board.name} lost its connection`))
      })
      await publish('status', 'ready')
      await publish('log', 'booted')
      const granted = await connected.subscribeAsync([topic('deployment'), topic('relaunch')], { qos: 1 })
      ensure(granted.length === 2 && granted.every(({ qos }) => qos === 1), `${board.name} may not subscribe`)
      board.event('connected')
    },

    /** Says goodbye and closes the connection. */
    async disconnect() {
      const leaving = client
      client = undefined
      await leaving?.endAsync()
    }
  }
}
