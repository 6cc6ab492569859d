import { describe, expect, test } from 'bun:test'
import { deploy, testDevice } from '../../support/hub.ts'
import { asDevice, noticed, packetClient, published, within } from '../../support/mqtt.ts'
import { stage } from '../../support/stage.ts'

const ping = { cmd: 'pingreq' } as const

type Stage = Awaited<ReturnType<typeof stage>>

/** A SUBSCRIBE or UNSUBSCRIBE by hand: the identifier, and behind it these bytes. */
const packet = (first: number, ...bytes: number[]) => [first, bytes.length + 2, 0, 1, ...bytes]

const text = (characters: string) => [0, characters.length, ...Buffer.from(characters)]

async function endsConnection(s: Stage, bytes: number[]) {
  await using device = await s.device()
  device.sendBytes(bytes)
  await within(device.closed, 'the connection to be closed')
  expect(device.arrived).toEqual([])
}

describe('SUBSCRIBE', () => {
  test('[MQTT-3.8.4-1] [MQTT-3.8.4-2] is answered by SUBACK with its identifier', async () => {
    await using s = await stage()
    await using device = await s.device()
    for (const messageId of [1, 65_535]) {
      device.subscribe(messageId, [s.topics.relaunch])
      expect(await device.next()).toMatchObject({ cmd: 'suback', messageId, granted: [1] })
    }
  })

  test('[MQTT-3.8.4-5] [MQTT-3.9.3-1] is answered for each of its filters, in their order; [MQTT-3.9.3-2] 0x80 says no', async () => {
    await using s = await stage()
    await using user = await s.user()
    const filters = [
      { topic: 'ada/devices/+/log', qos: 1 as const },
      { topic: 'root/#', qos: 1 as const },
      { topic: 'ada/#', qos: 0 as const },
      { topic: '$SYS/#', qos: 0 as const },
      { topic: s.topics.log, qos: 2 as const }
    ]
    user.send({ cmd: 'subscribe', messageId: 7, subscriptions: filters })
    expect(await user.next()).toMatchObject({ cmd: 'suback', messageId: 7, granted: [1, 128, 0, 128, 1] })
  })

  test('[MQTT-3.9.3-1] that names a filter twice is answered for each, and the last one counts [MQTT-3.8.4-4]', async () => {
    await using s = await stage()
    await using user = await s.user()
    const filters = [
      { topic: s.topics.log, qos: 1 as const },
      { topic: 'root/#', qos: 0 as const },
      { topic: s.topics.status, qos: 0 as const },
      { topic: 'root/#', qos: 1 as const },
      { topic: s.topics.log, qos: 0 as const }
    ]
    user.send({ cmd: 'subscribe', messageId: 9, subscriptions: filters })
    expect(await user.next()).toMatchObject({ cmd: 'suback', messageId: 9, granted: [1, 128, 0, 128, 0] })
    await using device = await s.device()
    device.publish(1, s.topics.log, 'once')
    expect(published(await user.next())).toMatchObject({ payload: 'once', qos: 0 })
    user.send(ping)
    expect(await user.next()).toMatchObject({ cmd: 'pingresp' })
    user.send({ cmd: 'subscribe', messageId: 10, subscriptions: [filters[0] as never, filters[0] as never] })
    expect(await user.next()).toMatchObject({ cmd: 'suback', messageId: 10, granted: [1, 1] })
  })

  test('[MQTT-3.8.4-4] with several filters is as good as several', async () => {
    await using s = await stage()
    const fan = await testDevice(s.ada, 'fan')
    await using user = await s.user()
    user.subscribe(1, [s.topics.log, 'ada/devices/fan/log'])
    await user.next()
    for (const [name, who] of [
      ['lamp', s.who],
      ['fan', asDevice(s.ada, fan)]
    ] as const) {
      await using device = await packetClient(s.hub, who)
      device.publish(1, `ada/devices/${name}/log`, name)
      expect(published(await user.next())).toMatchObject({ payload: name, qos: 1 })
    }
  })

  test('[MQTT-3.8.4-3] of a filter that there is replaces it, and what is retained is sent again', async () => {
    await using s = await stage()
    const told1 = noticed(s.hub, 'deployment.created')
    await deploy(s.ada, 'blinker', new TextEncoder().encode('image'))
    await told1
    await using device = await s.device()
    for (const qos of [0, 1] as const) {
      device.subscribe(1, [s.topics.deployment], qos)
      expect(await device.next()).toMatchObject({ cmd: 'suback', granted: [qos] })
      expect(await device.next()).toMatchObject({ topic: s.topics.deployment, retain: true, qos })
    }
    await deploy(s.ada, 'blinker', new TextEncoder().encode('another'))
    expect(await device.next()).toMatchObject({ topic: s.topics.deployment, retain: false, qos: 1 })
    device.send(ping)
    expect(await device.next()).toMatchObject({ cmd: 'pingresp' }) // and not a second time
  })

  test('[MQTT-3.8.3-3] without a filter ends the connection', async () => {
    await using s = await stage()
    await endsConnection(s, packet(0x82))
  })

  test('[MQTT-3-8.3-4] with QoS 3, or reserved bits beside the QoS, ends the connection', async () => {
    await using s = await stage()
    for (const qos of [3, 4, 0x80]) await endsConnection(s, packet(0x82, ...text('ada/#'), qos))
  })

  test('[MQTT-2.3.1-1] without an identifier, or with 0, ends the connection', async () => {
    await using s = await stage()
    await endsConnection(s, [0x82, 0])
    await endsConnection(s, [0x82, 1, 0])
    await endsConnection(s, [0x82, 10, 0, 0, ...text('ada/#'), 0])
  })

  test.each(['', 'ada/#/log', 'ada#', 'ada/lamp+/log', '+ada', 'ada/\0', 'a/'.repeat(50)])(
    '[MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1] to %j, which is no filter, ends the connection',
    async (filter) => {
      await using s = await stage()
      await endsConnection(s, packet(0x82, ...text(filter), 0))
    }
  )

  test('[MQTT-4.7.1-2] [MQTT-4.7.1-3] with wildcards covers what they stand for, [MQTT-4.7.3-4] each character as it is', async () => {
    await using s = await stage()
    const hears = async (filter: string) => {
      await using user = await s.user()
      user.subscribe(1, [filter], 0)
      const suback = await user.next()
      if (suback.cmd !== 'suback' || suback.granted[0] !== 0) return 'refused'
      await using device = await s.device()
      device.publish(1, s.topics.log, 'line')
      await device.next()
      user.send(ping)
      return (await user.next()).cmd === 'publish'
    }
    const expected = {
      'ada/devices/lamp/log': true,
      'ada/devices/+/log': true,
      'ada/+/+/+': true,
      'ada/#': true,
      'ada/devices/lamp/log/#': true,
      'ada/devices/lamp/log/+': false,
      'ada/devices/+': false,
      'ada/devices/Lamp/log': false,
      'ada/devices/lamp/log/': false,
      'ada//lamp/log': false,
      '/ada/devices/lamp/log': 'refused',
      '#': 'refused',
      '+/devices/lamp/log': 'refused'
    }
    const heard: Record<string, unknown> = {}
    for (const filter of Object.keys(expected)) heard[filter] = await hears(filter)
    expect(heard).toEqual(expected)
  })
})

describe('UNSUBSCRIBE', () => {
  test('[MQTT-3.10.4-1] [MQTT-3.10.4-2] ends the filters that are the same, and no others', async () => {
    await using s = await stage()
    await using user = await s.user()
    user.subscribe(1, ['ada/devices/+/log', s.topics.log, s.topics.status])
    await user.next()
    user.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [s.topics.log, 'ada/devices/+/+', s.topics.status] })
    expect(await user.next()).toMatchObject({ cmd: 'unsuback', messageId: 2 }) // [MQTT-3.10.4-4]
    await using device = await s.device()
    device.publish(1, s.topics.status, 'ready')
    device.publish(2, s.topics.log, 'line')
    expect(published(await user.next())).toMatchObject({ payload: 'line' })
    user.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['ada/devices/+/log'] })
    await user.next()
    device.publish(3, s.topics.log, 'unheard')
    for (let n = 0; n < 3; n++) await device.next()
    user.send(ping)
    expect(await user.next()).toMatchObject({ cmd: 'pingresp' })
  })

  test('[MQTT-3.10.4-5] of what was not there is answered all the same', async () => {
    await using s = await stage()
    await using user = await s.user()
    user.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['ada/devices/x/log', 'root/#'] })
    expect(await user.next()).toMatchObject({ cmd: 'unsuback', messageId: 9 })
  })

  test('[MQTT-3.10.3-2] without a filter ends the connection', async () => {
    await using s = await stage()
    await endsConnection(s, packet(0xa2))
  })

  test('of a kept session lasts', async () => {
    await using s = await stage()
    const options = { clientId: 'esp', clean: false }
    {
      await using device = await s.device(options)
      device.subscribe(1, [s.topics.relaunch, s.topics.deployment])
      await device.next()
      device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [s.topics.relaunch] })
      await device.next()
    }
    await using device = await s.device(options)
    expect(device.connack).toMatchObject({ sessionPresent: true })
    await s.relaunch()
    await s.hub.broker.settled()
    const told2 = noticed(s.hub, 'deployment.created')
    await deploy(s.ada, 'blinker', new TextEncoder().encode('image'))
    await told2
    expect(await device.next()).toMatchObject({ topic: s.topics.deployment })
  })
})

describe('a session', () => {
  test('[MQTT-3.1.2-4] [MQTT-3.1.2-5] that is kept goes on with its subscriptions', async () => {
    await using s = await stage()
    const options = { clientId: 'esp', clean: false }
    {
      await using device = await s.device(options)
      device.subscribe(1, [s.topics.relaunch])
      await device.next()
    }
    await using device = await s.device(options)
    await s.relaunch()
    expect(await device.next()).toMatchObject({ topic: s.topics.relaunch })
  })

  test('[MQTT-3.1.2-6] that is clean begins with nothing, and leaves nothing', async () => {
    await using s = await stage()
    for (const clean of [false, true]) {
      await using device = await s.device({ clientId: 'esp', clean })
      expect(device.connack).toMatchObject({ sessionPresent: false })
      device.subscribe(1, [s.topics.deployment])
      await device.next()
    }
    await using device = await s.device({ clientId: 'esp', clean: false })
    expect(device.connack).toMatchObject({ sessionPresent: false })
    const told3 = noticed(s.hub, 'deployment.created')
    await deploy(s.ada, 'blinker', new TextEncoder().encode('image'))
    await told3
    await s.hub.broker.settled()
    device.send(ping)
    expect(await device.next()).toMatchObject({ cmd: 'pingresp' })
  })

  test('[MQTT-4.8.0-1] ends its connection, and no other, on a packet that only a server sends', async () => {
    await using s = await stage()
    await using other = await s.user()
    for (const bytes of [
      [0x20, 2, 0, 0],
      [0x90, 3, 0, 1, 0],
      [0xb0, 2, 0, 1],
      [0xd0, 0],
      [0x00, 0],
      [0xf0, 0]
    ]) {
      await endsConnection(s, bytes)
    }
    other.send(ping)
    expect(await other.next()).toMatchObject({ cmd: 'pingresp' })
  })
})
