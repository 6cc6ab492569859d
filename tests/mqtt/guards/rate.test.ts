import { describe, expect, test } from 'bun:test'
import type { Packet } from 'mqtt-packet'
import { type TestHub, testDevice, testHub } from '../../support/hub.ts'
import { refusals } from '../../support/metrics.ts'
import { asDevice, asUser, logOf, packetClient, within } from '../../support/mqtt.ts'

const log = 'ada/devices/lamp/log'
const limits = { packetsPerSecond: 0.001, packetsAtOnce: 50 }

async function lampOf(hub: TestHub) {
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp')
  return { ada, lamp, who: asDevice(ada, lamp) }
}

const line = (messageId: number, payload: string): Packet => ({
  cmd: 'publish',
  messageId,
  topic: log,
  payload,
  qos: 1,
  retain: false,
  dup: false
})

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

describe('a client that sends too many packets', () => {
  test('is cut off before the work of them is done, and others are not', async () => {
    await using hub = await testHub({ mqttLimits: limits })
    const { ada, who } = await lampOf(hub)
    await using other = await packetClient(hub, who)
    await using device = await packetClient(hub, { ...who, clientId: 'flood' })
    device.send(...upTo(1000).map((id) => line(id, `line ${id}`)))
    await within(device.closed, 'the end of the flood')
    await hub.broker.settled()
    const allowed = limits.packetsAtOnce - 1 // its CONNECT was one
    expect(await logOf(ada, 'lamp')).toEqual(upTo(allowed).map((id) => `line ${id}`))
    expect(await refusals(hub, 'too_fast')).toBe(1)
    other.publish(1, log, 'calm')
    expect(await other.next()).toMatchObject({ cmd: 'puback' })
  })

  test('is cut off for packets of any kind: pings, and acknowledgements of nothing', async () => {
    await using hub = await testHub({ mqttLimits: limits })
    const { who } = await lampOf(hub)
    for (const packet of [{ cmd: 'pingreq' }, { cmd: 'puback', messageId: 7 }] as Packet[]) {
      await using device = await packetClient(hub, who)
      device.send(...upTo(limits.packetsAtOnce).map(() => packet))
      await within(device.closed, `the end of a flood of ${packet.cmd}`)
    }
  })

  test('pays for each filter of a SUBSCRIBE, which may be a look into the database', async () => {
    await using hub = await testHub({ mqttLimits: limits })
    const { ada } = await lampOf(hub)
    await using user = await packetClient(hub, asUser(ada))
    user.subscribe(
      1,
      upTo(30).map((n) => `team-${n}/#`)
    )
    expect(await user.next()).toMatchObject({ granted: upTo(30).map(() => 128) })
    user.subscribe(
      2,
      upTo(30).map((n) => `team-${n}/#`)
    )
    await within(user.closed, 'the end of who subscribes too much')
  })
})

test('a client that acknowledges what it is sent pays nothing for that', async () => {
  await using hub = await testHub({ mqttLimits: limits })
  const { ada, who } = await lampOf(hub)
  await using user = await packetClient(hub, asUser(ada))
  user.subscribe(1, [log])
  await user.next()
  for (let round = 0; round < 4; round++) {
    await using device = await packetClient(hub, who)
    device.send(...upTo(40).map((id) => line(id, `line ${id}`)))
    for (let heard = 0; heard < 40; heard++) user.acknowledge((await user.next()).messageId)
  }
  user.send({ cmd: 'pingreq' })
  expect(await user.next()).toEqual(expect.objectContaining({ cmd: 'pingresp' }))
})

test('a device may send 399 packets at once behind its CONNECT', async () => {
  await using hub = await testHub()
  const { ada, who } = await lampOf(hub)
  await using device = await packetClient(hub, who)
  device.send(...upTo(399).map((id) => line(id, `line ${id}`)))
  for (const id of upTo(399)) expect((await device.next()).messageId).toBe(id)
  expect(await logOf(ada, 'lamp')).toHaveLength(399)
})
