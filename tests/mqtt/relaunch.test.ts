import { describe, expect, test } from 'bun:test'
import { type TestHub, testDevice, testHub } from '../support/hub.ts'
import {
  asDevice,
  asUser,
  deviceClient,
  holdUp,
  noticed,
  packetClient,
  published,
  restart,
  until,
  userClient
} from '../support/mqtt.ts'

const topic = 'ada/devices/lamp/relaunch'
const relaunch = 'PUT /ada/devices/lamp/relaunch'

async function lampOf(hub: TestHub) {
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp')
  const heartbeat = async () => (await hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`)).body
  return { ada, lamp, heartbeat }
}

/** Connects the lamp by hand, subscribes it, and gives the connection once the SUBACK has come. */
async function subscribed(
  hub: TestHub,
  { ada, lamp }: Awaited<ReturnType<typeof lampOf>>,
  options: { clean?: boolean; qos?: 0 | 1 } = {}
) {
  const { clean = true, qos = 1 } = options
  const device = await packetClient(hub, { ...asDevice(ada, lamp), clientId: 'esp', clean })
  device.subscribe(1, [topic], qos)
  expect(await device.next()).toMatchObject({ cmd: 'suback', granted: [qos] })
  return device
}

describe('a relaunch', () => {
  test('is told at once; once acknowledged, no heartbeat and no later SUBSCRIBE is told of it', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    await using device = await subscribed(hub, set)
    await set.ada.call(relaunch)
    const packet = await device.next()
    expect(published(packet)).toEqual({ topic, payload: '{"seq":1}', qos: 1, retain: false, dup: false })
    const told = noticed(hub, 'device.relaunch_told')
    device.acknowledge(packet.messageId)
    await told
    expect(await set.heartbeat()).toBe('X')
    await using later = await subscribed(hub, set)
    await set.ada.call(relaunch)
    expect(published(await later.next())).toMatchObject({ payload: '{"seq":2}' })
  })

  test('that a heartbeat was told of is not told over MQTT', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    await set.ada.call(relaunch)
    expect(await set.heartbeat()).toBe('R')
    expect(await set.heartbeat()).toBe('X')
    await using device = await subscribed(hub, set)
    await set.ada.call(relaunch)
    expect(published(await device.next())).toMatchObject({ payload: '{"seq":2}' })
  })

  test('that a heartbeat is told of first, while MQTT is about to, is told once', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    await using device = await subscribed(hub, set)
    const reading = holdUp(hub.hub.devices, 'pendingRelaunch')
    await set.ada.call(relaunch)
    await reading.asked
    const { promise: told, resolve } = Promise.withResolvers<void>()
    hub.hub.notices.listen(({ type }) => type === 'device.relaunch_told' && resolve())
    expect(await set.heartbeat()).toBe('R')
    await told
    reading.release()
    await set.ada.call(relaunch)
    expect(published(await device.next())).toMatchObject({ payload: '{"seq":2}' })
  })

  test('not acknowledged is told to the next heartbeat, and then not again to the session', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    {
      await using device = await subscribed(hub, set, { clean: false })
      await set.ada.call(relaunch)
      expect(published(await device.next())).toMatchObject({ payload: '{"seq":1}' })
    }
    const told = noticed(hub, 'device.relaunch_told')
    expect(await set.heartbeat()).toBe('R')
    await told
    await using device = await packetClient(hub, { ...asDevice(set.ada, set.lamp), clientId: 'esp', clean: false })
    expect(device.connack).toMatchObject({ sessionPresent: true })
    await set.ada.call(relaunch)
    expect(published(await device.next())).toMatchObject({ payload: '{"seq":2}', dup: false })
  })

  test('not acknowledged comes again to the session that is taken up, once, marked as sent before [MQTT-3.3.1-1]', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    let messageId: number | undefined
    {
      await using device = await subscribed(hub, set, { clean: false })
      await set.ada.call(relaunch)
      const packet = await device.next()
      expect(published(packet)).toMatchObject({ dup: false })
      messageId = packet.messageId
    }
    await using device = await packetClient(hub, { ...asDevice(set.ada, set.lamp), clientId: 'esp', clean: false })
    const again = await device.next()
    expect(published(again)).toEqual({ topic, payload: '{"seq":1}', qos: 1, retain: false, dup: true })
    expect(again.messageId).toBe(messageId as number)
    device.subscribe(2, [topic]) // as most clients do, session or not
    expect(await device.next()).toMatchObject({ cmd: 'suback' })
    const told = noticed(hub, 'device.relaunch_told')
    device.acknowledge(again.messageId)
    await told
    await set.ada.call(relaunch)
    expect(published(await device.next())).toMatchObject({ payload: '{"seq":2}' })
  })

  test('not acknowledged comes again to a clean session when it subscribes', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    for (let i = 0; i < 2; i++) {
      await using device = await subscribed(hub, set)
      if (i === 0) await set.ada.call(relaunch)
      expect(published(await device.next())).toEqual({ topic, payload: '{"seq":1}', qos: 1, retain: false, dup: false })
    }
  })

  test('at QoS 0 is told when it is sent, and no second time', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    await set.ada.call(relaunch)
    await using device = await packetClient(hub, asDevice(set.ada, set.lamp))
    const told = noticed(hub, 'device.relaunch_told')
    for (const messageId of [1, 2, 3]) device.subscribe(messageId, [topic], 0)
    await told
    await set.ada.call(relaunch)
    const packets = []
    for (let i = 0; i < 5; i++) packets.push(published(await device.next()))
    const messages = packets.filter((packet) => packet !== 'suback')
    expect(messages).toEqual([1, 2].map((seq) => ({ topic, payload: `{"seq":${seq}}`, qos: 0, retain: false, dup: false })))
    expect(await set.heartbeat()).toBe('X')
  })

  test('at QoS 0 is noted as told before it is sent: a heartbeat that comes first has it to itself', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    await using device = await subscribed(hub, set, { qos: 0 })
    const gate = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const { relaunchTold } = hub.hub.devices
    hub.hub.devices.relaunchTold = async (...given) => {
      asked.resolve()
      await gate.promise
      return relaunchTold(...given)
    }
    await set.ada.call(relaunch)
    await asked.promise
    expect(await set.heartbeat()).toBe('R')
    gate.resolve()
    await hub.broker.settled()
    await set.ada.call(relaunch)
    expect(published(await device.next())).toMatchObject({ payload: '{"seq":2}' })
    expect(await set.heartbeat()).toBe('X')
  })

  test('at QoS 0 to a device that has gone before it could be sent is kept', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    {
      await using _device = await subscribed(hub, set, { qos: 0 })
      const noting = holdUp(hub.hub.devices, 'relaunchTold')
      await set.ada.call(relaunch)
      await noting.asked
      expect(await set.heartbeat()).toBe('X') // it is to be told over MQTT
      await _device[Symbol.asyncDispose]()
      await until(() => hub.broker.connected() === 0, 'the device to be gone')
      const anew = noticed(hub, 'device.relaunch')
      noting.release()
      await anew
    }
    await using device = await subscribed(hub, set, { qos: 0 })
    expect(published(await device.next())).toMatchObject({ payload: '{"seq":1}' })
    expect(await set.heartbeat()).toBe('X')
  })

  test('of several that are pending, the newest is told', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    for (let i = 0; i < 3; i++) await set.ada.call(relaunch)
    await using device = await subscribed(hub, set)
    const packet = await device.next()
    expect(published(packet)).toMatchObject({ payload: '{"seq":3}' })
    const told = noticed(hub, 'device.relaunch_told')
    device.acknowledge(packet.messageId)
    await told
    expect(await set.heartbeat()).toBe('X')
  })

  test('asked for while the one before it is being noted as told is told too', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    await using device = await subscribed(hub, set)
    await set.ada.call(relaunch)
    const first = await device.next()
    const writing = holdUp(hub.hub.notices, 'record')
    const busy = set.ada.call('POST /ada/devices', { device_name: 'fan', board: 'esp8266' })
    await writing.asked
    const second = set.ada.call(relaunch) // on SQLite it waits for the writer, and the noting waits behind it
    for (let n = 0; n < 3; n++) await set.ada.call('GET /me')
    device.acknowledge(first.messageId)
    for (let n = 0; n < 3; n++) await set.ada.call('GET /me')
    writing.release()
    await Promise.all([busy, second])
    expect(published(await device.next())).toMatchObject({ payload: '{"seq":2}', dup: false })
  })

  test('newer than one that is not acknowledged takes its place', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    {
      await using device = await subscribed(hub, set, { clean: false })
      for (const seq of [1, 2]) {
        await set.ada.call(relaunch)
        expect(published(await device.next())).toMatchObject({ payload: `{"seq":${seq}}` })
      }
    }
    await using device = await packetClient(hub, { ...asDevice(set.ada, set.lamp), clientId: 'esp', clean: false })
    expect(published(await device.next())).toMatchObject({ payload: '{"seq":2}', dup: true })
    device.send({ cmd: 'pingreq' })
    expect(await device.next()).toMatchObject({ cmd: 'pingresp' })
  })

  test('is kept over a restart of the hub', async () => {
    await using hub = await testHub()
    const { ada, lamp } = await lampOf(hub)
    await ada.call(relaunch)
    await using again = await restart(hub)
    await using device = await deviceClient(again, ada, lamp)
    const told = new Promise<void>((resolve) => {
      again.hub.notices.listen((notice) => notice.type === 'device.relaunch_told' && resolve())
    })
    await device.subscribe([topic])
    expect(await device.next()).toMatchObject({ payload: '{"seq":1}', retain: false })
    await told
    const heartbeat = await fetch(`http://127.0.0.1:${again.ports.http}/devices/${lamp.secret}/heartbeat?status=ready`, {
      method: 'PUT'
    })
    expect(await heartbeat.text()).toBe('X')
  })

  test('is heard by the members of the team, whose acknowledgement tells the device nothing', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    await using user = await userClient(hub, set.ada)
    await user.subscribe(['ada/devices/+/relaunch'])
    await set.ada.call(relaunch)
    expect(await user.next()).toEqual({ topic, payload: '{"seq":1}', qos: 1, retain: false, dup: false })
    await user.client.unsubscribeAsync('ada/#') // behind the PUBACK
    expect(await set.heartbeat()).toBe('R')
  })

  test('is not told of to other devices', async () => {
    await using hub = await testHub()
    const set = await lampOf(hub)
    const fan = await testDevice(set.ada, 'fan')
    await using other = await packetClient(hub, asDevice(set.ada, fan))
    other.subscribe(1, ['ada/devices/fan/relaunch'])
    await other.next()
    await using user = await packetClient(hub, asUser(set.ada))
    user.subscribe(1, ['ada/devices/fan/relaunch'])
    await user.next()
    await set.ada.call(relaunch)
    await set.ada.call('PUT /ada/devices/fan/relaunch')
    for (const client of [other, user])
      expect(published(await client.next())).toMatchObject({ topic: 'ada/devices/fan/relaunch' })
  })
})
