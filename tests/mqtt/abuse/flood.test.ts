import { expect, test } from 'bun:test'
import { generate } from 'mqtt-packet'
import { abusedHub, MiB, spread } from '../../support/abused.ts'
import { bareClient, connectBytes } from '../../support/bare.ts'
import { figureIn } from '../../support/metrics.ts'
import { asDevice, packetClient, within } from '../../support/mqtt.ts'

const flooders = 10
const rounds = 10
const publishesAtOnce = 4000 // ten times ten times: 400,000

test('a CONNECT of 100 MB is cut off before 16 KiB of it are taken', async () => {
  await using hub = await abusedHub()
  const header = Buffer.from([0x10, 0x80, 0xc2, 0xd7, 0x2f])
  await using slow = await bareClient(hub.ports.mqtt)
  let sent = 0
  slow.sendBytes(header)
  while (!slow.socket.closed && sent < 64 * 1024) {
    slow.sendBytes(Buffer.alloc(1024))
    sent += 1024
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(sent).toBeLessThan(16 * 1024)

  const grown = await hub.watchMemory()
  const everything = Buffer.concat([header, Buffer.alloc(100_000_000)])
  for (let n = 0; n < 10; n++) {
    await using fast = await bareClient(hub.ports.mqtt)
    fast.sendBytes(everything)
    await within(fast.closed, 'the connection to be closed')
  }
  const growth = await grown()
  console.log(
    `a CONNECT of 100 MB: cut off after ${sent / 1024} KiB; ten at full speed: memory +${(growth / MiB).toFixed(1)} MiB`
  )
  expect(growth).toBeLessThan(16 * MiB)
}, 30_000)

test('a flood of 400,000 publishes from ten clients takes little memory, and others are served', async () => {
  await using hub = await abusedHub()
  const ada = await hub.user('ada')
  const names = Array.from({ length: flooders }, (_, n) => `flood${n}`)
  const flooding = []
  for (const name of names) flooding.push(await ada.device(name))
  const calm = await ada.device('calm')
  await using device = await packetClient(hub, asDevice(ada, calm))
  const delays: number[] = []
  async function say(id: number) {
    const start = performance.now()
    device.publish(id, 'ada/devices/calm/log', `line ${id}`)
    expect(await device.next()).toMatchObject({ cmd: 'puback', messageId: id })
    delays.push(performance.now() - start)
  }
  for (let id = 1; id <= 40; id++) await say(id)
  const calmly = spread(delays.splice(0).slice(1))
  const grown = await hub.watchMemory()

  const floods = { areOn: true }
  const flows = flooding.map(async (one) => {
    const topic = `ada/devices/${one.name}/log`
    const packets = Array.from({ length: publishesAtOnce }, (_, n) =>
      generate({ cmd: 'publish', messageId: n + 1, topic, payload: `line ${n}`, qos: 1, retain: false, dup: false })
    )
    const bytes = Buffer.concat([connectBytes(asDevice(ada, one)), ...packets])
    for (let round = 0; round < rounds; round++) {
      await using client = await bareClient(hub.ports.mqtt)
      client.sendBytes(bytes)
      await within(client.closed, 'the end of a flood', 20_000)
    }
  })
  const flood = Promise.all(flows).finally(() => {
    floods.areOn = false
  })
  for (let id = 41; floods.areOn; id++) {
    await say(id)
    await new Promise((resolve) => setTimeout(resolve, 10)) // as fast as a device may be
  }
  await flood

  const growth = await grown()
  const { median, worst } = spread(delays)
  const figures = [`${delays.length} lines of another device`, `median ${median.toFixed(1)} ms`, `worst ${worst.toFixed(1)} ms`]
  console.log(`flood: ${figures.join(', ')}, memory +${(growth / MiB).toFixed(1)} MiB`)
  expect(figureIn(await hub.metrics(), 'updraft_refusals_total{over="mqtt",reason="too_fast"}')).toBe(flooders * rounds)
  expect(growth).toBeLessThan(64 * MiB)
  // A flood is over too soon for more than a few lines: none of them waits for its end. A machine that is busy otherwise is slow without one too.
  expect(delays.length).toBeGreaterThan(1)
  expect(worst).toBeLessThan(Math.max(1000, 50 * calmly.worst))
}, 60_000)
