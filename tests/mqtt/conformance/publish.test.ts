import { describe, expect, test } from 'bun:test'
import { generate, type IPublishPacket } from 'mqtt-packet'
import { deploy } from '../../support/hub.ts'
import { noticed, published, within } from '../../support/mqtt.ts'
import { stage } from '../../support/stage.ts'

const image = (text: string) => new TextEncoder().encode(text)
const ping = { cmd: 'pingreq' } as const

type Stage = Awaited<ReturnType<typeof stage>>

const line = (s: Stage, more: Partial<IPublishPacket> = {}) =>
  ({ cmd: 'publish', messageId: 1, topic: s.topics.log, payload: 'line', qos: 1, retain: false, dup: false, ...more }) as const

/** The bytes must end the connection unanswered, and nothing of them be stored. */
async function endsConnection(s: Stage, bytes: Uint8Array) {
  await using device = await s.device()
  device.sendBytes(bytes)
  await within(device.closed, 'the connection to be closed')
  expect(device.arrived).toEqual([])
  await s.hub.broker.settled()
  expect(await s.lines()).toEqual([])
}

/** A PUBLISH of the device's log, its first byte as given. */
function withFlags(s: Stage, first: number) {
  const bytes = generate(line(s))
  bytes.writeUInt8(first, 0)
  return bytes
}

describe('PUBLISH from a client', () => {
  test('[MQTT-4.3.2-2] at QoS 1 is answered by PUBACK with its identifier, once it is stored', async () => {
    await using s = await stage()
    await using device = await s.device()
    for (const messageId of [1, 7, 65_535, 7]) {
      device.publish(messageId, s.topics.log, `line ${messageId}`)
      expect(await device.next()).toMatchObject({ cmd: 'puback', messageId })
    }
    expect(await s.lines()).toEqual(['line 1', 'line 7', 'line 65535', 'line 7'])
  })

  test('[MQTT-4.3.1-1] at QoS 0 is not answered', async () => {
    await using s = await stage()
    await using device = await s.device()
    device.publish(0, s.topics.log, 'none', 0)
    device.publish(1, s.topics.log, 'one', 1)
    expect(await device.next()).toMatchObject({ cmd: 'puback', messageId: 1 })
    expect(await s.lines()).toEqual(['none', 'one'])
  })

  test('[MQTT-4.3.2-2] sent again with DUP is answered again', async () => {
    await using s = await stage()
    await using device = await s.device()
    device.send(line(s), line(s, { dup: true }))
    for (let n = 0; n < 2; n++) expect(await device.next()).toMatchObject({ cmd: 'puback', messageId: 1 })
  })

  test('[MQTT-4.6.0-2] is acknowledged in the order in which it came', async () => {
    await using s = await stage()
    await using device = await s.device()
    const ids = [9, 3, 200, 1, 77]
    device.send(...ids.map((messageId) => line(s, { messageId })))
    for (const id of ids) expect((await device.next()).messageId).toBe(id)
  })

  test('[MQTT-2.3.1-1] without an identifier, or with 0, ends the connection', async () => {
    await using s = await stage()
    const zero = generate(line(s))
    zero.writeUInt16BE(0, 2 + 2 + s.topics.log.length)
    await endsConnection(s, zero)
    const cut = Buffer.from(generate(line(s)).subarray(0, 2 + 2 + s.topics.log.length))
    cut.writeUInt8(cut.length - 2, 1)
    await endsConnection(s, Buffer.concat([cut, generate(ping)]))
  })

  test('[MQTT-3.3.1-2] with DUP at QoS 0 ends the connection', async () => {
    await using s = await stage()
    await endsConnection(s, withFlags(s, 0x38))
  })

  test('[MQTT-3.3.1-4] at QoS 3 ends the connection; at QoS 2, which is not offered, too', async () => {
    await using s = await stage()
    await endsConnection(s, withFlags(s, 0x36))
    await endsConnection(s, withFlags(s, 0x34))
  })

  test('[MQTT-3.3.2-1] with a topic that is not UTF-8 or longer than the packet ends the connection', async () => {
    await using s = await stage()
    const ill = generate(line(s))
    ill.writeUInt8(0xff, 6)
    await endsConnection(s, ill)
    const long = generate(line(s))
    long.writeUInt16BE(300, 2)
    await endsConnection(s, Buffer.concat([long, Buffer.alloc(400, 0x61)]))
  })

  test.each(['', '+', '#', 'ada/devices/+/log', 'ada/devices/lamp/#', 'ada/devices/lamp/log\0', 'a/'.repeat(200)])(
    '[MQTT-3.3.2-2] to %j, which is no topic name, ends the connection',
    async (topic) => {
      await using s = await stage()
      const bytes = Buffer.alloc(topic.length + 4)
      bytes.writeUInt16BE(topic.length, 0)
      bytes.write(topic, 2)
      const length = bytes.length < 128 ? [bytes.length] : [(bytes.length % 128) | 0x80, Math.floor(bytes.length / 128)]
      bytes.writeUInt16BE(1, bytes.length - 2)
      await endsConnection(s, Buffer.from([0x32, ...length, ...bytes]))
    }
  )

  test('with a length of five bytes ends the connection (section 2.2.3)', async () => {
    await using s = await stage()
    await endsConnection(s, Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f]))
  })
})

describe('PUBLISH to a client', () => {
  test('[MQTT-3.3.1-3] [MQTT-4.3.2-1] is new: without DUP, under an identifier that is not in use', async () => {
    await using s = await stage()
    await using user = await s.user()
    user.subscribe(1, [s.topics.log])
    await user.next()
    await using device = await s.device()
    device.send(...[1, 2, 3, 4, 5].map((messageId) => line(s, { messageId, dup: true })))
    const ids = new Set<number | undefined>()
    for (let n = 0; n < 5; n++) {
      const packet = await user.next()
      expect(packet).toMatchObject({ cmd: 'publish', dup: false, qos: 1 })
      ids.add(packet.messageId)
    }
    expect(ids.size).toBe(5)
  })

  test('[MQTT-3.8.4-6] is at the lesser of the QoS that was granted and that of the message', async () => {
    await using s = await stage()
    const heard = async (granted: 0 | 1 | 2, qos: 0 | 1) => {
      await using user = await s.user()
      user.subscribe(1, [s.topics.log], granted)
      await user.next()
      await using device = await s.device()
      device.publish(1, s.topics.log, 'line', qos)
      const packet = await user.next()
      return packet.cmd === 'publish' ? packet.qos : packet.cmd
    }
    expect([await heard(0, 0), await heard(0, 1), await heard(1, 0), await heard(1, 1), await heard(2, 1)]).toEqual([
      0, 0, 0, 1, 1
    ])
  })

  test('[MQTT-3.3.5-1] is at the highest QoS of the filters that overlap, and once', async () => {
    await using s = await stage()
    await using user = await s.user()
    const filters = [
      { topic: 'ada/#', qos: 0 as const },
      { topic: 'ada/devices/+/log', qos: 1 as const },
      { topic: s.topics.log, qos: 0 as const }
    ]
    user.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters })
    await user.next()
    await using device = await s.device()
    for (const id of [1, 2]) device.publish(id, s.topics.log, `line ${id}`)
    expect([published(await user.next()), published(await user.next())]).toMatchObject([
      { payload: 'line 1', qos: 1 },
      { payload: 'line 2', qos: 1 }
    ])
  })

  test('[MQTT-3.3.1-8] is marked as retained where a SUBSCRIBE finds it, [MQTT-3.3.1-9] and not where it is new', async () => {
    await using s = await stage()
    await using device = await s.device()
    device.subscribe(1, [s.topics.deployment])
    await device.next()
    const told1 = noticed(s.hub, 'deployment.created')
    await deploy(s.ada, 'blinker', image('one'))
    await told1
    expect(await device.next()).toMatchObject({ topic: s.topics.deployment, retain: false })
    await using later = await s.device()
    later.subscribe(1, [s.topics.deployment])
    expect(await later.next()).toMatchObject({ cmd: 'suback' })
    expect(await later.next()).toMatchObject({ topic: s.topics.deployment, retain: true, qos: 1 })
  })

  test('[MQTT-4.4.0-1] [MQTT-3.3.1-1] unacknowledged is sent again to the session, with DUP and its identifier, until it is', async () => {
    await using s = await stage()
    const options = { clientId: 'esp', clean: false }
    let first: number | undefined
    {
      await using device = await s.device(options)
      device.subscribe(1, [s.topics.relaunch])
      await device.next()
      await s.relaunch()
      const packet = await device.next()
      expect(packet).toMatchObject({ topic: s.topics.relaunch, dup: false, qos: 1 })
      first = packet.messageId
    }
    for (let round = 0; round < 2; round++) {
      await using device = await s.device(options)
      expect(await device.next()).toMatchObject({ topic: s.topics.relaunch, dup: true, messageId: first })
      if (round === 1) device.acknowledge(first)
      device.send(ping)
      expect(await device.next()).toMatchObject({ cmd: 'pingresp' })
    }
    await s.hub.broker.settled()
    await using device = await s.device(options)
    device.send(ping)
    expect(await device.next()).toMatchObject({ cmd: 'pingresp' })
  })

  test('[MQTT-4.6.0-6] of one topic keeps its order', async () => {
    await using s = await stage()
    await using user = await s.user()
    user.subscribe(1, [s.topics.log])
    await user.next()
    await using device = await s.device()
    const ids = Array.from({ length: 50 }, (_, i) => i + 1)
    device.send(...ids.map((messageId) => line(s, { messageId, payload: `line ${messageId}` })))
    for (const id of ids) expect(published(await user.next())).toMatchObject({ payload: `line ${id}` })
  })
})
