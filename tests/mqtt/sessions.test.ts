import { describe, expect, test } from 'bun:test'
import { testDevice, testHub } from '../support/hub.ts'
import {
  asDevice,
  asUser,
  deviceClient,
  holdUp,
  listed,
  logOf,
  noticed,
  packetClient,
  published,
  until,
  userClient,
  within
} from '../support/mqtt.ts'

describe('presence', () => {
  test('a device is connected while any connection of it lasts, however it ends', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const isConnected = async () => (await listed(ada, 'lamp'))?.connected
    expect(await isConnected()).toBe(false)
    const first = await deviceClient(hub, ada, lamp)
    const second = await packetClient(hub, asDevice(ada, lamp))
    expect(await isConnected()).toBe(true)
    await first.client.endAsync()
    await until(() => hub.broker.connected() === 1, 'the first to be gone')
    expect(await isConnected()).toBe(true)
    second.socket.resetAndDestroy()
    await until(async () => (await isConnected()) === false, 'the second to be gone')
    expect(await listed(ada, 'lamp')).toMatchObject({ last_seen_at: expect.any(String) })
  })

  test('what is refused at sign-in was never connected', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await testDevice(ada, 'lamp')
    await using refused = await packetClient(hub, { username: 'ada/lamp', password: '0'.repeat(40) })
    await within(refused.closed, 'the end of the connection')
    expect(await listed(ada, 'lamp')).toMatchObject({ connected: false, last_seen_at: null })
    expect(hub.broker.connected()).toBe(0)
  })
})

describe('who is no more is cut off', () => {
  test('a deleted device, and only that one', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(ada, 'fan')
    await using first = await deviceClient(hub, ada, lamp)
    await using second = await deviceClient(hub, ada, lamp, { clientId: 'another' })
    await using other = await deviceClient(hub, ada, fan)
    await ada.call('DELETE /ada/devices/lamp')
    await within(Promise.all([first.closed, second.closed]), 'the end of the deleted device')
    await other.publish('ada/devices/fan/log', 'still here')
    await using again = await packetClient(hub, asDevice(ada, lamp))
    expect(again.connack).toMatchObject({ returnCode: 4 })
  })

  test('a deleted account: its user everywhere, and its devices', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const bob = await hub.user('bob')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(bob, 'fan')
    await bob.call('PUT /teams/bob/members/ada', { role: 'member' })
    await using device = await deviceClient(hub, ada, lamp)
    await using user = await userClient(hub, ada)
    await user.subscribe(['bob/#'])
    await using other = await deviceClient(hub, bob, fan)
    await using friend = await userClient(hub, bob)
    await friend.subscribe(['bob/#'])
    await ada.call('DELETE /auth')
    await within(Promise.all([device.closed, user.closed]), 'the end of the deleted account')
    await other.publish('bob/devices/fan/log', 'for bob')
    expect(await friend.next()).toMatchObject({ payload: 'for bob' })
    expect(user.inbox).toEqual([])
  })

  test('the devices of a deleted team; its members stay, and hear no more of it', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await ada.call('POST /teams', { name: 'acme' })
    const made = await ada.call('POST /acme/devices', { device_name: 'drill', board: 'esp8266' })
    const drill = { name: 'drill', secret: (made.body as { device_secret: string }).device_secret }
    await using device = await deviceClient(hub, { name: 'acme' }, drill)
    await using own = await deviceClient(hub, ada, lamp)
    await using user = await userClient(hub, ada)
    expect(await user.subscribe(['acme/#', 'ada/#'])).toEqual([1, 1])
    await ada.call('DELETE /teams/acme')
    await within(device.closed, 'the end of the device')
    expect(await user.subscribe(['acme/#'])).toEqual([128])
    await own.publish('ada/devices/lamp/log', 'still here')
    expect(await user.next()).toMatchObject({ payload: 'still here' })
  })

  test('a device that is deleted while it signs in', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const signIn = holdUp(hub.hub.devices, 'signIn')
    const coming = packetClient(hub, asDevice(ada, lamp))
    await signIn.asked
    const gone = noticed(hub, 'device.deleted')
    await ada.call('DELETE /ada/devices/lamp')
    await gone
    signIn.release()
    await using device = await coming
    expect(device.connack).toMatchObject({ returnCode: 4 })
  })

  test('a member who is removed while they are let in', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const bob = await hub.user('bob')
    await using user = await packetClient(hub, asUser(bob))
    await ada.call('PUT /teams/ada/members/bob', { role: 'member' })
    await hub.broker.settled()
    const lookUp = holdUp(hub.hub.teams, 'ofUser')
    const coming = packetClient(hub, asUser(bob))
    await lookUp.asked
    const removed = noticed(hub, 'member.removed')
    await ada.call('DELETE /teams/ada/members/bob')
    await removed
    lookUp.release()
    await using second = await coming
    for (const client of [user, second]) {
      client.subscribe(1, ['ada/#'])
      expect(await client.next()).toMatchObject({ cmd: 'suback', granted: [128] })
    }
  })
})

describe('a session', () => {
  test('is taken up with its subscriptions, a clean one starts without [MQTT-3.1.2-6] [MQTT-3.2.2-2]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using device = await deviceClient(hub, ada, lamp)
    const visit = async (clean: boolean, then: (user: Awaited<ReturnType<typeof packetClient>>) => Promise<void>) => {
      await using user = await packetClient(hub, { ...asUser(ada), clientId: 'desk', clean })
      await then(user)
    }
    await visit(false, async (user) => {
      expect(user.connack).toMatchObject({ sessionPresent: false })
      user.subscribe(1, ['ada/devices/+/log', 'ada/devices/+/status'])
      await user.next()
      user.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['ada/devices/+/status'] })
      expect(await user.next()).toMatchObject({ cmd: 'unsuback', messageId: 2 })
    })
    await visit(false, async (user) => {
      expect(user.connack).toMatchObject({ sessionPresent: true })
      await device.publish('ada/devices/lamp/status', 'ready')
      await device.publish('ada/devices/lamp/log', 'to the session')
      expect(published(await user.next())).toMatchObject({ payload: 'to the session' })
    })
    await visit(true, async (user) => expect(user.connack).toMatchObject({ sessionPresent: false }))
    await visit(false, async (user) => expect(user.connack).toMatchObject({ sessionPresent: false }))
  })

  test('does not begin with what a clean one left unacknowledged', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const topic = 'ada/devices/lamp/relaunch'
    await ada.call('PUT /ada/devices/lamp/relaunch')
    for (const clean of [true, false]) {
      await using device = await packetClient(hub, { ...asDevice(ada, lamp), clientId: 'esp', clean })
      expect(device.connack).toMatchObject({ sessionPresent: false })
      device.subscribe(1, [topic])
      expect(await device.next()).toMatchObject({ cmd: 'suback' })
      expect(published(await device.next())).toMatchObject({ topic, dup: false })
      device.socket.destroy()
      await until(() => hub.broker.connected() === 0, 'the device to be gone')
    }
  })

  test('of a member who was removed meanwhile brings nothing of the team again', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const bob = await hub.user('bob')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(bob, 'fan')
    await ada.call('PUT /teams/ada/members/bob', { role: 'member' })
    const options = { ...asUser(bob), clientId: 'desk', clean: false }
    await using device = await deviceClient(hub, ada, lamp)
    {
      await using user = await packetClient(hub, options)
      user.subscribe(1, ['ada/#', 'bob/#'])
      expect(await user.next()).toMatchObject({ granted: [1, 1] })
      await device.publish('ada/devices/lamp/log', 'not acknowledged')
      expect(published(await user.next())).toMatchObject({ payload: 'not acknowledged' })
    }
    const removed = noticed(hub, 'member.removed')
    await ada.call('DELETE /teams/ada/members/bob')
    await removed
    await using user = await packetClient(hub, options)
    expect(user.connack).toMatchObject({ sessionPresent: true })
    await using own = await deviceClient(hub, bob, fan)
    await own.publish('bob/devices/fan/log', 'own')
    expect(published(await user.next())).toMatchObject({ payload: 'own' })
  })

  test('survives packets that no proper client sends', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const options = { ...asDevice(ada, lamp), clientId: 'esp', clean: false }
    {
      await using device = await packetClient(hub, options)
      device.subscribe(1, ['ada/devices/lamp/relaunch'])
      await device.next()
      device.send({ cmd: 'pubrec', messageId: 7 }, { cmd: 'pubrel', messageId: 8 }, { cmd: 'pubcomp', messageId: 9 })
      device.acknowledge(10)
      device.send({ cmd: 'pingreq' })
      while ((await device.next()).cmd !== 'pingresp');
    }
    await using device = await packetClient(hub, options)
    expect(device.connack).toMatchObject({ returnCode: 0, sessionPresent: true })
    await ada.call('PUT /ada/devices/lamp/relaunch')
    expect(published(await device.next())).toMatchObject({ payload: '{"seq":1}' })
  })
})

describe('a will', () => {
  const topic = 'ada/devices/lamp/log'

  test('is published and stored when the connection ends without a DISCONNECT [MQTT-3.1.2-8]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using user = await userClient(hub, ada)
    await user.subscribe([topic])
    const will = { topic, payload: 'power lost', qos: 1 as const }
    await using device = await packetClient(hub, { ...asDevice(ada, lamp), will })
    device.socket.destroy()
    expect(await user.next()).toEqual({ topic, payload: 'power lost', qos: 1, retain: false, dup: false })
    expect(await logOf(ada, 'lamp')).toEqual(['power lost'])

    await using leaving = await packetClient(hub, { ...asDevice(ada, lamp), will }) // but not after one [MQTT-3.1.2-10]
    leaving.send({ cmd: 'disconnect' })
    await within(leaving.closed, 'the end of the connection')
    await using cutOff = await packetClient(hub, { ...asDevice(ada, lamp), will: { topic, payload: 'cut off' } })
    cutOff.publish(1, 'ada/nonsense', '')
    expect(await user.next()).toMatchObject({ payload: 'cut off' })
    expect(await logOf(ada, 'lamp')).toEqual(['power lost', 'cut off'])
  })

  test('on a foreign topic is not published', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(ada, 'fan')
    await using user = await userClient(hub, ada)
    await user.subscribe(['ada/#'])
    await using other = await deviceClient(hub, ada, fan)
    const wills = ['ada/devices/fan/log', 'ada/devices/fan/relaunch', 'ada/devices/lamp/deployment', '$SYS/x', 'ada/+/x']
    for (const foreign of wills) {
      await using device = await packetClient(hub, { ...asDevice(ada, lamp), will: { topic: foreign, payload: 'foreign' } })
      device.socket.destroy()
    }
    await until(() => hub.broker.connected() === 2, 'all of them to be gone')
    await other.publish('ada/devices/fan/log', 'genuine')
    expect(await user.next()).toMatchObject({ payload: 'genuine' })
    expect(await logOf(ada, 'fan')).toEqual(['genuine'])
  })
})

describe('stopping', () => {
  test('ends every connection at once, publishes no wills, and loses nothing that was acknowledged', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const will = { topic: 'ada/devices/lamp/log', payload: 'my will', qos: 1 as const }
    await using device = await packetClient(hub, { ...asDevice(ada, lamp), will })
    await using user = await userClient(hub, ada)
    await user.subscribe(['ada/#'])
    await using silent = await packetClient(hub, asUser(ada))
    device.publish(1, 'ada/devices/lamp/log', 'last words')
    await device.next()
    const { device: ofLamp } = await hub.hub.devices.bySecret(lamp.secret, () => 'test')
    const closeDatabase = hub.hub.close
    let lines: string[] = []
    hub.hub.close = async () => {
      lines = (await hub.hub.logs.ofDevice(ofLamp.id, { after: 0 })).lines.map(({ line }) => line)
      await closeDatabase()
      hub.hub.close = async () => {}
    }
    await within(hub.stop(), 'the hub to stop', 2000)
    await within(Promise.all([device.closed, user.closed, silent.closed]), 'the end of the connections')
    expect(lines).toEqual(['last words'])
    expect(hub.logged()).not.toContain('"level":50')
  })
})
