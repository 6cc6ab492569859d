import { describe, expect, test } from 'bun:test'
import { testDevice, testHub } from '../support/hub.ts'
import { asDevice, asUser, deviceClient, listed, logOf, packetClient, published, userClient, within } from '../support/mqtt.ts'

const status = 'ada/devices/lamp/status'
const log = 'ada/devices/lamp/log'

describe('a status', () => {
  test('is stored before it is acknowledged [MQTT-4.3.2-2]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using device = await packetClient(hub, asDevice(ada, lamp))
    const reports = [
      ['ready', { status: 'ready', running_id: null }],
      ['running', { status: 'running', running_id: null }],
      ['{"status":"running","deployment_id":87}', { status: 'running', running_id: 87 }],
      ['running', { status: 'running', running_id: 87 }],
      ['{"status":"ready"}', { status: 'ready', running_id: null }]
    ] as const
    for (const [i, [payload, stored]] of reports.entries()) {
      device.publish(i + 1, status, payload)
      expect(await device.next()).toMatchObject({ cmd: 'puback', messageId: i + 1 })
      expect(await listed(ada, 'lamp')).toMatchObject({ ...stored, last_seen_at: expect.any(String) })
    }
  })

  test('that makes no sense ends the connection without being acknowledged or stored', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const nonsense = [
      '',
      'down',
      'Ready',
      'null',
      '[]',
      '{',
      '{}',
      '{"status":"off"}',
      '{"status":"ready","deployment_id":"x"}',
      '\0ready'
    ]
    for (const payload of nonsense) {
      await using device = await packetClient(hub, asDevice(ada, lamp))
      device.publish(1, status, payload)
      await within(device.closed, `the end of who said ${JSON.stringify(payload)}`)
      expect(device.arrived).toEqual([])
    }
    expect(await listed(ada, 'lamp')).toMatchObject({ status: 'new' })
  })
})

describe('log lines', () => {
  test('are stored before they are acknowledged, at QoS 0 too', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using device = await packetClient(hub, asDevice(ada, lamp))
    device.publish(0, log, 'first', 0)
    device.publish(1, log, 'second\r\nthird\n\nwith a \0\n')
    expect(await device.next()).toMatchObject({ cmd: 'puback', messageId: 1 })
    expect(await logOf(ada, 'lamp')).toEqual(['first', 'second', 'third', 'with a \ufffd'])
  })

  test('keep their order, and so do their acknowledgements, however many come at once [MQTT-4.6.0-2]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using user = await packetClient(hub, asUser(ada))
    user.subscribe(1, [log])
    await user.next()
    await using device = await packetClient(hub, asDevice(ada, lamp))
    const ids = Array.from({ length: 200 }, (_, i) => i + 1)
    const message = { cmd: 'publish', topic: log, retain: false, dup: false } as const
    device.send(...ids.map((id) => ({ ...message, messageId: id, qos: 1 as const, payload: `line ${id}` })))
    const acknowledged = []
    for (const _ of ids) acknowledged.push((await device.next()).messageId)
    expect(acknowledged).toEqual(ids)
    const lines = ids.map((id) => `line ${id}`)
    expect(await logOf(ada, 'lamp')).toEqual(lines)

    const heard = []
    for (const _ of ids) {
      const packet = await user.next()
      user.acknowledge(packet.messageId)
      heard.push(packet.cmd === 'publish' && packet.payload.toString())
    }
    expect(heard).toEqual(lines)
  })

  test('of QoS 1 are not lost to those of QoS 0 that come right behind them', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(ada, 'fan')
    await using user = await userClient(hub, ada)
    await user.subscribe(['ada/#'])
    await using device = await packetClient(hub, asDevice(ada, lamp))
    await using other = await packetClient(hub, asDevice(ada, fan))
    for (let i = 1; i <= 20; i++) {
      device.publish(i, log, `one ${i}`, 1)
      device.publish(0, log, `none ${i}`, 0)
      other.publish(0, 'ada/devices/fan/log', `other ${i}`, 0)
    }
    const heard = []
    for (let i = 0; i < 60; i++) heard.push(await user.next())
    const ofLamp = heard.filter(({ topic }) => topic === log).map(({ payload, qos }) => [payload, qos] as const)
    expect(ofLamp).toEqual(
      Array.from({ length: 20 }, (_, i) => [[`one ${i + 1}`, 1] as const, [`none ${i + 1}`, 0] as const]).flat()
    )
    expect(heard.filter(({ topic }) => topic !== log)).toHaveLength(20)
  })
})

describe('the members of the team', () => {
  test('hear what comes over MQTT, as it came and at the lesser QoS of the two [MQTT-3.8.4-6]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using one = await userClient(hub, ada)
    await one.subscribe(['ada/devices/+/log', 'ada/devices/lamp/status'], 1)
    await using none = await userClient(hub, ada)
    await none.subscribe(['ada/#'], 0)
    await using both = await packetClient(hub, asUser(ada))
    both.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'ada/#', qos: 0 },
        { topic: log, qos: 1 },
        { topic: 'ada/devices/+/+', qos: 0 }
      ]
    })
    await both.next()
    await using device = await deviceClient(hub, ada, lamp)
    const json = '{"status":"running","deployment_id":87}'
    await device.publish(status, json)
    await device.publish(log, 'a\nb', 1)
    await device.publish(log, 'c', 0)
    const inOne = [await one.next(), await one.next(), await one.next()].map(({ topic, payload, qos }) => ({
      topic,
      payload,
      qos
    }))
    expect(inOne).toEqual([
      { topic: status, payload: json, qos: 1 },
      { topic: log, payload: 'a\nb', qos: 1 },
      { topic: log, payload: 'c', qos: 0 }
    ])
    expect([await none.next(), await none.next(), await none.next()].map(({ qos }) => qos)).toEqual([0, 0, 0])
    const inBoth = [published(await both.next()), published(await both.next()), published(await both.next())]
    expect(inBoth).toEqual([
      { topic: status, payload: json, qos: 0, retain: false, dup: false },
      { topic: log, payload: 'a\nb', qos: 1, retain: false, dup: false }, // once, at the highest QoS [MQTT-3.3.5-1]
      { topic: log, payload: 'c', qos: 0, retain: false, dup: false }
    ])
  })

  test('hear what comes by heartbeat on the same topics', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const bob = await hub.user('bob')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(bob, 'fan')
    await using user = await userClient(hub, ada)
    await user.subscribe(['ada/#'])
    await using other = await userClient(hub, bob)
    await other.subscribe(['bob/#'])
    await hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`, undefined, { raw: 'booted\nready\n' })
    expect(await user.next()).toMatchObject({ topic: status, payload: 'running', retain: false })
    expect(await user.next()).toMatchObject({ topic: log, payload: 'booted\nready', retain: false })
    await hub.call(`PUT /devices/${fan.secret}/heartbeat?status=ready`)
    expect(await other.next()).toMatchObject({ topic: 'bob/devices/fan/status', payload: 'ready' })
  })

  test('who take nothing hold up nobody, and are cut off', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using frozen = await packetClient(hub, asUser(ada))
    frozen.subscribe(1, ['ada/#'])
    await frozen.next()
    frozen.socket.pause()
    await using user = await userClient(hub, ada)
    await user.subscribe(['ada/#'], 1)
    await using device = await deviceClient(hub, ada, lamp)
    const line = 'x'.repeat(60_000)
    for (let sent = 0; hub.broker.connected() === 3 && sent < 500; sent++) {
      await device.publish(log, line)
      expect((await user.next()).payload).toHaveLength(line.length)
    }
    expect(hub.broker.connected()).toBe(2)
  }, 20_000)
})
