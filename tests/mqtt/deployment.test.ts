import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { deploy, type TestHub, type TestUser, testDevice, testHub } from '../support/hub.ts'
import { asDevice, asUser, deviceClient, holdUp, noticed, packetClient, published, restart, userClient } from '../support/mqtt.ts'

const digest = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex')

type Fields = { app?: string; tag?: string }

/** Deploys a text as an image; gives the payload that devices are to be told. */
async function deployed(hub: TestHub, user: TestUser, text: string, { app = 'blinker', ...fields }: Fields = {}) {
  let id = 0
  const stop = hub.hub.notices.listen((notice) => {
    if (notice.type === 'deployment.created') id = notice.data.id
  })
  const told = noticed(hub, 'deployment.created')
  expect(await deploy(user, app, new TextEncoder().encode(text), fields)).toMatchObject({ status: 200 })
  await told
  stop()
  return JSON.stringify({ id, size: text.length, md5: digest('md5', text), sha256: digest('sha256', text) })
}

const topicOf = (name: string) => `ada/devices/${name}/deployment`

describe('a deployment', () => {
  test('is told at once to the connected devices of its application, board and tag, and only to these', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const kitchen = await testDevice(ada, 'kitchen', { app: 'blinker', tag: 'kitchen' })
    const hall = await testDevice(ada, 'hall', { app: 'blinker', tag: 'hall' })
    const plain = await testDevice(ada, 'plain', { app: 'blinker' })
    const other = await testDevice(ada, 'other', { app: 'dimmer', tag: 'kitchen' })
    const none = await testDevice(ada, 'none', { tag: 'kitchen' })
    await using group = new AsyncDisposableStack()
    const clients: Awaited<ReturnType<typeof deviceClient>>[] = []
    for (const device of [kitchen, hall, plain, other, none]) {
      const client = group.use(await deviceClient(hub, ada, device))
      expect(await client.subscribe([topicOf(device.name)])).toEqual([1])
      clients.push(client)
    }
    const [ofKitchen, ofHall, ofPlain, ofOther, ofNone] = clients

    const forKitchen = await deployed(hub, ada, 'for the kitchen', { tag: 'kitchen' })
    const message = { qos: 1, retain: false, dup: false }
    expect(await ofKitchen?.next()).toEqual({ topic: topicOf('kitchen'), payload: forKitchen, ...message })
    const forAll = await deployed(hub, ada, 'for all')
    for (const client of [ofKitchen, ofHall, ofPlain]) expect(await client?.next()).toMatchObject({ payload: forAll })
    const forDimmer = await deployed(hub, ada, 'for the dimmer', { app: 'dimmer' })
    expect(await ofOther?.next()).toEqual({ topic: topicOf('other'), payload: forDimmer, ...message })
    await ada.call('PUT /ada/devices/none/relaunch')
    expect(ofNone?.inbox).toEqual([])
  })

  test('answers a SUBSCRIBE behind the SUBACK, as a retained message at the granted QoS [MQTT-3.3.1-8]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    const payload = await deployed(hub, ada, 'image')
    await using device = await packetClient(hub, asDevice(ada, lamp))
    device.subscribe(7, [topicOf('lamp')], 1)
    expect(await device.next()).toMatchObject({ cmd: 'suback', messageId: 7, granted: [1] })
    const message = { topic: topicOf('lamp'), payload, retain: true, dup: false }
    expect(published(await device.next())).toEqual({ ...message, qos: 1 })
    device.subscribe(8, [topicOf('lamp')], 0) // and again, at each SUBSCRIBE [MQTT-3.8.4-3]
    expect(await device.next()).toMatchObject({ cmd: 'suback', messageId: 8, granted: [0] })
    expect(published(await device.next())).toEqual({ ...message, qos: 0 })
  })

  test('is on the topics that a wildcard covers, once each, at the highest QoS of overlapping filters [MQTT-3.3.5-1]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    for (const name of ['lamp', 'fan']) await testDevice(ada, name, { app: 'blinker' })
    await testDevice(ada, 'without')
    const payload = await deployed(hub, ada, 'image')
    await using user = await packetClient(hub, asUser(ada))
    user.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'ada/#', qos: 0 },
        { topic: 'ada/devices/+/deployment', qos: 1 },
        { topic: 'ada/devices/lamp/deployment', qos: 0 }
      ]
    })
    expect(await user.next()).toMatchObject({ cmd: 'suback', granted: [0, 1, 0] })
    for (const name of ['fan', 'lamp']) {
      expect(published(await user.next())).toEqual({ topic: topicOf(name), payload, qos: 1, retain: true, dup: false })
    }
    const newer = await deployed(hub, ada, 'newer image')
    for (const name of ['fan', 'lamp']) {
      expect(published(await user.next())).toEqual({ topic: topicOf(name), payload: newer, qos: 1, retain: false, dup: false })
    }
  })

  test('is on every topic of a large team, as fast as the subscriber acknowledges, the newest of each', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const team = await hub.hub.teams.access(((await ada.call('GET /me')).body as { id: string }).id, 'ada', 'own')
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    const application = await hub.hub.applications.inTeam(team, 'blinker')
    const names = Array.from({ length: 150 }, (_, i) => `lamp-${String(i).padStart(3, '0')}`)
    for (const name of names) {
      await hub.hub.devices.register(team, { name, board: 'esp8266', tag: null })
      await hub.hub.devices.associate(await hub.hub.devices.inTeam(team, name), application)
    }
    const older = await deployed(hub, ada, 'older')
    await using user = await packetClient(hub, asUser(ada))
    user.subscribe(1, ['ada/devices/+/deployment'])
    expect(await user.next()).toMatchObject({ cmd: 'suback' })
    const first = []
    for (let i = 0; i < 100; i++) first.push(await user.next())
    const newer = await deployed(hub, ada, 'newer') // while nothing is acknowledged
    expect(first.map((packet) => published(packet))).toEqual(
      names.slice(0, 100).map((name) => ({ topic: topicOf(name), payload: older, qos: 1, retain: true, dup: false }))
    )
    expect(user.arrived).toEqual([])
    for (const { messageId } of first) user.acknowledge(messageId)
    const heard = new Map<string, string[]>()
    for (let i = 0; i < 150; i++) {
      const packet = await user.next()
      if (packet.cmd !== 'publish') throw new Error(packet.cmd)
      user.acknowledge(packet.messageId)
      heard.set(packet.topic, [...(heard.get(packet.topic) ?? []), packet.payload.toString()])
    }
    expect([...heard.keys()].sort()).toEqual(names.map(topicOf))
    expect([...heard.values()].every((payloads) => payloads.length === 1 && payloads[0] === newer)).toBe(true)
  })

  test('is there after a restart of the hub', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    await using early = await deviceClient(hub, ada, lamp)
    await early.subscribe([topicOf('lamp')])
    const payload = await deployed(hub, ada, 'image')
    expect(await early.next()).toMatchObject({ payload, retain: false })
    await using again = await restart(hub)
    await using device = await deviceClient(again, ada, lamp)
    await device.subscribe([topicOf('lamp')])
    expect(await device.next()).toMatchObject({ payload, retain: true })
    await using user = await userClient(again, ada)
    await user.subscribe(['ada/#'])
    expect(await user.next()).toMatchObject({ topic: topicOf('lamp'), payload, retain: true })
  })

  test('that came while the device was away is what it finds, the newest only', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    const options = { ...asDevice(ada, lamp), clientId: 'esp', clean: false }
    {
      await using device = await packetClient(hub, options)
      device.subscribe(1, [topicOf('lamp')])
      expect(await device.next()).toMatchObject({ cmd: 'suback' })
    }
    await deployed(hub, ada, 'one')
    await deployed(hub, ada, 'two')
    const three = await deployed(hub, ada, 'three')
    await using device = await packetClient(hub, options)
    expect(device.connack).toMatchObject({ sessionPresent: true })
    expect(published(await device.next())).toEqual({ topic: topicOf('lamp'), payload: three, qos: 1, retain: false, dup: false })
    device.send({ cmd: 'pingreq' })
    expect(await device.next()).toEqual(expect.objectContaining({ cmd: 'pingresp' }))
  })

  test('that comes while a SUBSCRIBE is being answered is the last that the device hears', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    await deployed(hub, ada, 'older')
    await using device = await deviceClient(hub, ada, lamp)
    const reading = holdUp(hub.hub.devices, 'state')
    await device.subscribe([topicOf('lamp')])
    await reading.asked
    const told = deployed(hub, ada, 'newer')
    expect(await device.next()).toMatchObject({ payload: expect.stringContaining('"size":5'), retain: false })
    reading.release()
    const newer = await told
    expect(await device.next()).toMatchObject({ payload: newer, retain: true })
  })

  test('that was not acknowledged comes again to a session that is taken up, in its newest form', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    const options = { ...asUser(ada), clientId: 'desk', clean: false }
    const payload = await deployed(hub, ada, 'image')
    let messageId: number | undefined
    {
      await using user = await packetClient(hub, options)
      user.subscribe(1, ['ada/#'])
      await user.next()
      const packet = await user.next()
      expect(published(packet)).toMatchObject({ payload, retain: true, dup: false })
      messageId = packet.messageId
    }
    await using user = await packetClient(hub, options)
    const again = await user.next()
    expect(published(again)).toMatchObject({ payload, dup: true }) // [MQTT-4.4.0-1]
    expect(again.messageId).toBe(messageId as number)
    await using device = await deviceClient(hub, ada, lamp)
    await device.publish('ada/devices/lamp/log', 'heard too')
    const ids = new Set([again.messageId])
    for (let packet = await user.next(); ; packet = await user.next()) {
      expect(ids.has(packet.messageId)).toBe(false) // [MQTT-2.3.1-2]
      ids.add(packet.messageId)
      if (packet.cmd === 'publish' && packet.topic.endsWith('/log')) break
    }
  })

  test('fits a small device: 256 bytes with topic and headers, for names of 32 characters', async () => {
    await using hub = await testHub()
    const name = 'a'.repeat(32)
    const user = await hub.user(name)
    const device = await testDevice(user, name, { app: 'blinker' })
    const payload = await deployed(hub, user, 'image')
    await using client = await packetClient(hub, asDevice(user, device))
    client.subscribe(1, [`${name}/devices/${name}/deployment`])
    await client.next()
    const { length = 0 } = await client.next()
    const { id, size } = JSON.parse(payload) as { id: number; size: number }
    const fixedHeader = 3
    const growth = String(2_147_483_647).length - String(id).length + String(32 * 1024 * 1024).length - String(size).length
    expect(length + fixedHeader + growth).toBeLessThanOrEqual(256)
  })
})

describe('what a device should run', () => {
  test('is told at once when its tag or its application changes', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    await ada.call('POST /ada/apps', { app_name: 'dimmer' })
    const plain = await deployed(hub, ada, 'plain')
    const tagged = await deployed(hub, ada, 'tagged', { tag: 'kitchen' })
    const dimmer = await deployed(hub, ada, 'dimmer', { app: 'dimmer' })
    await using device = await deviceClient(hub, ada, lamp)
    await device.subscribe([topicOf('lamp')])
    expect(await device.next()).toMatchObject({ payload: plain, retain: true })
    await ada.call('POST /ada/devices/lamp', { tag: 'kitchen' })
    expect(await device.next()).toMatchObject({ payload: tagged, retain: false })
    await ada.call('POST /ada/devices/lamp', { tag: null })
    expect(await device.next()).toMatchObject({ payload: plain, retain: false })
    await ada.call('POST /ada/devices/lamp', { tag: 'hall' }) // which changes nothing for it
    await ada.call('POST /ada/apps/dimmer/devices', { device_name: 'lamp' })
    expect(await device.next()).toMatchObject({ payload: dimmer, retain: false })
  })

  test('is nothing any more when the application is deleted: an empty payload for who was told of something', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    const fan = await testDevice(ada, 'fan', { app: 'dimmer' })
    await deployed(hub, ada, 'image')
    await using ofLamp = await deviceClient(hub, ada, lamp)
    await ofLamp.subscribe([topicOf('lamp')])
    await ofLamp.next()
    await using ofFan = await deviceClient(hub, ada, fan)
    await ofFan.subscribe([topicOf('fan')])
    await using user = await userClient(hub, ada)
    await user.subscribe(['ada/devices/+/deployment'])
    await user.next()

    await ada.call('DELETE /ada/apps/blinker')
    const end = { topic: topicOf('lamp'), payload: '', qos: 1, retain: false, dup: false }
    expect(await ofLamp.next()).toEqual(end)
    expect(await user.next()).toEqual(end)
    const forDimmer = await deployed(hub, ada, 'for the dimmer', { app: 'dimmer' })
    expect(await ofFan.next()).toMatchObject({ payload: forDimmer })
    expect(await user.next()).toMatchObject({ payload: forDimmer })

    await using late = await userClient(hub, ada)
    await late.subscribe(['ada/devices/#'])
    expect(await late.next()).toMatchObject({ topic: topicOf('fan') })
  })

  test('is no empty retained message for who subscribes anew after the end', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    await deployed(hub, ada, 'image')
    await using device = await deviceClient(hub, ada, lamp)
    await device.subscribe([topicOf('lamp')])
    await device.next()
    await device.client.unsubscribeAsync(topicOf('lamp'))
    const gone = noticed(hub, 'application.deleted')
    await ada.call('DELETE /ada/apps/blinker')
    await gone
    await device.subscribe([topicOf('lamp'), 'ada/devices/lamp/relaunch'])
    await ada.call('PUT /ada/devices/lamp/relaunch')
    expect(await device.next()).toMatchObject({ topic: 'ada/devices/lamp/relaunch' })
  })
})
