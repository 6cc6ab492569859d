import { connect } from 'node:net'
import { generate } from 'mqtt-packet'
import { app, board, deploymentTopic } from '../fleet.ts'
import type { MqttCommand, Publishing } from './mqtt.ts'
import { createFleet } from './mqtt-fleet.ts'

// MQTT load in a process of its own: it does what it is told, one command after the other, and answers with the outcome.

const fleet = createFleet()
const image = Buffer.alloc(16 * 1024, 'firmware')
const digests = { size: image.length, md5: '0'.repeat(32), sha256: '0'.repeat(64) }

process.on('message', (command: MqttCommand) => {
  obey(command).then(
    (outcome) => process.send?.({ outcome }),
    (error: unknown) => process.send?.({ failed: error instanceof Error ? error.message : String(error) })
  )
})
process.on('disconnect', () => process.exit())

async function obey(command: MqttCommand): Promise<unknown> {
  switch (command.do) {
    case 'connect':
      return fleet.connect(command)
    case 'drop':
      return fleet.drop()
    case 'deploy':
      return fleet.tell(() => deploy(command))
    case 'publish':
      return publishAll(command)
  }
}

/** One deployment by HTTP: the hub is to tell every device of it. */
async function deploy({ port, token }: { port: number; token: string }) {
  const headers = { access_token: token, 'content-type': 'application/octet-stream' }
  const url = `http://127.0.0.1:${port}/apps/${app}/deployments?board=${board}`
  const response = await fetch(url, { method: 'POST', headers, body: image })
  if (response.status !== 200) throw new Error(`the deployment got ${response.status}: ${await response.text()}`)
}

/** The same by a broker that knows no deployments: a message to each device's topic, as fast as the broker takes them. */
async function publishAll({ port, numbers }: Publishing) {
  const socket = connect(
    port,
    '127.0.0.1',
    () => void socket.write(generate({ cmd: 'connect', clientId: 'publisher', clean: true }))
  )
  await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject)) // the CONNACK
  socket.resume()
  const packetFor = (number: number, id: number) =>
    generate({
      cmd: 'publish',
      topic: deploymentTopic(number),
      payload: JSON.stringify({ id, ...digests }),
      messageId: number,
      qos: 1,
      dup: false,
      retain: false
    })
  const packets = Buffer.concat(numbers.map((number) => packetFor(number, Date.now())))
  try {
    return await fleet.tell(() => void socket.write(packets))
  } finally {
    socket.destroy()
  }
}
