import { describe, expect, test } from 'bun:test'
import { testDevice, testHub } from '../support/hub.ts'
import {
  asDevice,
  asUser,
  deviceClient,
  listed,
  logOf,
  noticed,
  packetClient,
  published,
  userClient,
  within
} from '../support/mqtt.ts'

describe('subscribing', () => {
  test('a device, to its own two topics and to nothing else; what is refused spoils nothing in the packet', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await testDevice(ada, 'fan')
    await using device = await deviceClient(hub, ada, lamp)
    const granted = {
      'ada/devices/lamp/deployment': 1,
      'ada/devices/fan/deployment': 128,
      'ada/devices/lamp/relaunch': 1,
      'root/devices/lamp/relaunch': 128,
      'ada/devices/lamp/log': 128,
      'ada/devices/lamp/status': 128,
      'ada/devices/lamp/#': 128,
      'ada/devices/+/deployment': 128,
      '+/devices/lamp/deployment': 128,
      'Ada/devices/lamp/deployment': 128,
      'ada/#': 128,
      '#': 128,
      '+/#': 128,
      '$SYS/#': 128
    }
    expect(await device.subscribe(Object.keys(granted))).toEqual(Object.values(granted))
  })

  test('a user, to everything below the teams that they are in', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await hub.user('bob')
    await ada.call('POST /teams', { name: 'acme' })
    await using user = await userClient(hub, ada)
    const granted = {
      'ada/#': 1,
      'ada/devices/+/log': 1,
      'acme/devices/#': 1,
      'acme/+/+/+': 1,
      'bob/#': 128,
      'bob/devices/lamp/log': 128,
      'nobody/#': 128,
      '#': 128,
      '+/devices/+/log': 128,
      '$SYS/#': 128,
      '$hub/#': 128
    }
    expect(await user.subscribe(Object.keys(granted))).toEqual(Object.values(granted))
  })

  test('to what is no filter, or has NUL or bytes that are not UTF-8 in it, ends the connection [MQTT-4.7.1-2] [MQTT-1.5.3-1]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    for (const filter of [
      'ada/\0/log',
      'ada/#/log',
      'ada/devices/x+/log',
      'ada/devices/lamp#',
      'ada/1/2/3/4/5/6/7/8',
      'ada/\ufffd'
    ]) {
      await using user = await packetClient(hub, asUser(ada))
      user.subscribe(1, [filter])
      await within(user.closed, `the end of who subscribed to ${JSON.stringify(filter)}`)
    }
  })

  test('to what is no filter does not spoil the session', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const options = { ...asUser(ada), clientId: 'desk', clean: false }
    await using first = await packetClient(hub, options)
    first.subscribe(1, ['ada/devices/lamp/log', 'ada/1/2/3/4/5/6/7/8', 'ada/x+/y'])
    await within(first.closed, 'the end of the connection')
    await using second = await packetClient(hub, options)
    second.subscribe(2, ['ada/#'])
    expect(await second.next()).toMatchObject({ cmd: 'suback', messageId: 2, granted: [1] })
  })

  test('what was refused is not delivered later, not even after joining the team', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const bob = await hub.user('bob')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(bob, 'fan')
    const options = { ...asUser(bob), clientId: 'desk', clean: false }
    {
      await using first = await packetClient(hub, options)
      first.subscribe(1, ['bob/#', 'ada/#'])
      expect(await first.next()).toMatchObject({ cmd: 'suback', granted: [1, 128] })
    }
    await ada.call('PUT /teams/ada/members/bob', { role: 'member' })
    await using second = await packetClient(hub, options)
    expect(second.connack).toMatchObject({ returnCode: 0, sessionPresent: true })
    await using ofAda = await deviceClient(hub, ada, lamp)
    await using ofBob = await deviceClient(hub, bob, fan)
    await ofAda.publish('ada/devices/lamp/log', 'not for bob')
    await ofBob.publish('bob/devices/fan/log', 'for bob')
    expect(published(await second.next())).toMatchObject({ topic: 'bob/devices/fan/log', payload: 'for bob' })
  })

  test('whoever joins a team hears it without connecting anew, whoever leaves hears no more', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const bob = await hub.user('bob')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(bob, 'fan')
    await using device = await deviceClient(hub, ada, lamp)
    await using own = await deviceClient(hub, bob, fan)
    await using user = await userClient(hub, bob)
    expect(await user.subscribe(['bob/#', 'ada/#'])).toEqual([1, 128])
    await ada.call('PUT /teams/ada/members/bob', { role: 'viewer' })
    expect(await user.subscribe(['ada/#'])).toEqual([1])
    await device.publish('ada/devices/lamp/log', 'while in')
    expect(await user.next()).toMatchObject({ payload: 'while in' })

    const removed = noticed(hub, 'member.removed')
    await ada.call('DELETE /teams/ada/members/bob')
    await removed
    await device.publish('ada/devices/lamp/log', 'after that')
    await own.publish('bob/devices/fan/log', 'own')
    expect(await user.next()).toMatchObject({ payload: 'own' })
    expect(await user.subscribe(['ada/#'])).toEqual([128])

    const back = noticed(hub, 'member.set')
    await ada.call('PUT /teams/ada/members/bob', { role: 'member' })
    await back
    await device.publish('ada/devices/lamp/log', 'in again')
    expect(await user.next()).toMatchObject({ payload: 'in again' })
  })
})

describe('publishing', () => {
  test('where it is not one’s own ends the connection, and nobody hears or keeps it', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(ada, 'fan')
    await using user = await userClient(hub, ada)
    await user.subscribe(['ada/#'])
    await using other = await deviceClient(hub, ada, fan)
    await other.subscribe(['ada/devices/fan/deployment', 'ada/devices/fan/relaunch'])

    const device = asDevice(ada, lamp)
    const refused: [object, string, (0 | 1 | 2)?][] = [
      [device, 'ada/devices/lamp/deployment'],
      [device, 'ada/devices/fan/deployment'],
      [device, 'ada/devices/fan/relaunch', 0],
      [device, 'ada/devices/fan/log'],
      [device, 'ada/devices/fan/status', 0],
      [device, 'Ada/devices/lamp/log'],
      [device, 'root/devices/lamp/log'],
      [device, 'ada/devices/lamp/log/more'],
      [device, 'ada/devices/lamp/log\0'],
      [device, 'ada/devices/lamp/log', 2],
      [device, '$SYS/broker/log'],
      [device, '$hub/health/x', 0],
      [device, 'anything'],
      [asUser(ada), 'ada/devices/lamp/log'],
      [asUser(ada), 'ada/devices/lamp/relaunch', 0],
      [asUser(ada), 'ada/news']
    ]
    for (const [who, topic, qos = 1] of refused) {
      await using client = await packetClient(hub, who)
      client.publish(1, topic, '{"seq":1}', qos)
      await within(client.closed, `the end of who published to ${JSON.stringify(topic)}`)
      expect(client.arrived).toEqual([])
    }

    await other.publish('ada/devices/fan/log', 'genuine')
    expect(await user.next()).toMatchObject({ topic: 'ada/devices/fan/log', payload: 'genuine' })
    await ada.call('PUT /ada/devices/fan/relaunch')
    expect(await other.next()).toMatchObject({ topic: 'ada/devices/fan/relaunch', payload: '{"seq":1}' })
    expect(await logOf(ada, 'lamp')).toEqual([])
    expect(await logOf(ada, 'fan')).toEqual(['genuine'])
    expect(await listed(ada, 'lamp')).toMatchObject({ status: 'new' })
  })

  test('what comes behind a refused publish does not count', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using client = await packetClient(hub, asDevice(ada, lamp))
    const publish = { cmd: 'publish', qos: 1, retain: false, dup: false, payload: 'line' } as const
    client.send(
      { ...publish, messageId: 1, topic: 'ada/devices/lamp/log', payload: 'before' },
      { ...publish, messageId: 2, topic: 'ada/devices/fan/log' },
      { ...publish, messageId: 3, topic: 'ada/devices/lamp/log', payload: 'behind' }
    )
    await within(client.closed, 'the end of the connection')
    await hub.hub.reports.log((await hub.hub.devices.bySecret(lamp.secret, () => 'test')).device, ['last'])
    expect(await logOf(ada, 'lamp')).toEqual(['before', 'last'])
  })

  test('with the retain flag ends the connection: what is retained, the hub answers', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using user = await userClient(hub, ada)
    await user.subscribe(['ada/#'])
    const topic = 'ada/devices/lamp/log'
    for (const payload of ['kept?', '']) {
      await using device = await packetClient(hub, asDevice(ada, lamp))
      device.send({ cmd: 'publish', messageId: 1, topic, payload, qos: 1, retain: true, dup: false })
      await within(device.closed, 'the end of who wanted it kept')
      expect(device.arrived).toEqual([])
    }
    const will = { topic, payload: 'power lost', retain: true }
    await using device = await packetClient(hub, { ...asDevice(ada, lamp), will })
    expect(device.connack).toMatchObject({ returnCode: 5 })
    await using proper = await deviceClient(hub, ada, lamp)
    await proper.publish(topic, 'genuine')
    expect(await user.next()).toMatchObject({ payload: 'genuine' })
    expect(await logOf(ada, 'lamp')).toEqual(['genuine'])
  })
})
