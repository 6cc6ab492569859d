import { expect, test } from 'bun:test'
import { abusedHub, each, MiB, spread } from '../../support/abused.ts'
import { figureIn } from '../../support/metrics.ts'
import { asDevice, asUser, packetClient } from '../../support/mqtt.ts'

const talkers = 151
const linesEach = 398 // at once, behind a CONNECT and before the one that is acknowledged
const line = 'x'.repeat(300)

test('a frozen subscriber with a backlog of 60,000 messages holds up nobody, and costs next to nothing', async () => {
  await using hub = await abusedHub()
  const ada = await hub.user('ada')
  const bell = await ada.device('bell')
  const devices: { name: string; secret: string }[] = []
  for (let n = 0; n < talkers; n++) devices.push(await ada.device(`d${n}`))

  await using device = await packetClient(hub, asDevice(ada, bell))
  device.subscribe(1, ['ada/devices/bell/relaunch'])
  await device.next()
  let delays: number[] = []
  async function ring() {
    const start = performance.now()
    const told = device.next()
    await ada.call('PUT /ada/devices/bell/relaunch')
    const packet = await told
    delays.push(performance.now() - start)
    device.acknowledge(packet.messageId)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** Devices say all their lines, and the bell is rung all the while. */
  async function flood() {
    const flood = { isOn: true }
    const flooding = each(devices, 8, (talker) => talk(hub, asDevice(ada, talker), talker.name)).finally(() => {
      flood.isOn = false
    })
    while (flood.isOn) await ring()
    await flooding
  }

  /** How long the bell takes to be heard meanwhile. */
  async function delaysInFlood() {
    delays = []
    do await flood()
    while (delays.length <= 20) // where devices are done sooner, they begin again
    return delays
  }

  const frozen = await packetClient(hub, { ...asUser(ada), keepalive: 0 })
  frozen.subscribe(1, ['ada/#'])
  await frozen.next()
  frozen.socket.pause()
  const grown = await hub.watchMemory()
  const { median, worst } = spread(await delaysInFlood())
  const growth = await grown()
  const count = delays.length
  await frozen[Symbol.asyncDispose]()
  const without = spread(await delaysInFlood())
  const figures = [`${count} notices`, `median ${median.toFixed(1)} ms`, `worst ${worst.toFixed(1)} ms`]
  console.log(
    `frozen subscriber: ${figures.join(', ')}, memory +${(growth / MiB).toFixed(1)} MiB; nobody frozen: median ${without.median.toFixed(1)} ms`
  )
  // A machine that is busy otherwise is slow, but no slower for who is frozen.
  expect(median).toBeLessThan(Math.max(100, 2 * without.median))
  expect(worst).toBeLessThan(Math.max(1000, 3 * without.worst))
  expect(growth).toBeLessThan(64 * MiB)
  expect(figureIn(await hub.metrics(), 'updraft_refusals_total{over="mqtt",reason="stalled"}')).toBe(1)
}, 120_000)

/** A device says its lines at once, and waits until they are stored. */
async function talk(hub: { ports: { mqtt: number } }, who: { username: string; password: string }, name: string) {
  await using client = await packetClient(hub, who)
  const topic = `ada/devices/${name}/log`
  const publish = { cmd: 'publish', topic, payload: line, retain: false, dup: false } as const
  const lines = Array.from({ length: linesEach }, () => ({ ...publish, qos: 0 as const }))
  client.send(...lines, { ...publish, qos: 1, messageId: 1 })
  expect(await client.next()).toMatchObject({ cmd: 'puback' })
}
