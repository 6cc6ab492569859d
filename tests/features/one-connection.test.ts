import { describe, expect, test } from 'bun:test'
import { postgresServer } from '../support/databases.ts'
import { type TestHub, type TestUser, testDevice } from '../support/hub.ts'
import { twoHubs } from '../support/hubs.ts'
import { asDevice, asUser, deviceClient, listed, packetClient, published, until } from '../support/mqtt.ts'

const isConnected = async (hub: TestHub, user: TestUser) => {
  const seen = await listed({ ...user, ...hub.as(user.token) }, 'lamp')
  return seen?.connected
}

// SQLite's file belongs to one process.
if (postgresServer) {
  describe('one connection of a client at two hubs on one PostgreSQL', () => {
    test('who comes to the second is closed at the first [MQTT-3.1.4-2], and connected is right at both', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      await using before = await deviceClient(hubs.first, ada, lamp, { clientId: 'porch' })
      await until(() => isConnected(hubs.second, ada).then(Boolean), 'the second to know of it')
      await using other = await deviceClient(hubs.first, ada, lamp, { clientId: 'another client of it' })
      await using user = await packetClient(hubs.first, { ...asUser(ada), clientId: 'porch' })
      await using now = await deviceClient(hubs.second, ada, lamp, { clientId: 'porch' })
      await before.closed
      expect([other.client.connected, now.client.connected]).toEqual([true, true])
      user.send({ cmd: 'pingreq' })
      expect((await user.next()).cmd).toBe('pingresp')
      await other.client.endAsync()
      await until(() => isConnected(hubs.first, ada).then(Boolean), 'the first to know of it')
      await now.client.endAsync()
      for (const hub of [hubs.first, hubs.second])
        await until(async () => (await isConnected(hub, ada)) === false, 'it to be gone')
    })

    test('what its session was at the first does not come back', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      const kept = { ...asDevice(ada, lamp), clientId: 'porch', clean: false }
      await using first = await packetClient(hubs.first, kept)
      first.subscribe(1, ['ada/devices/lamp/relaunch'])
      expect((await first.next()).cmd).toBe('suback')
      // Of two that come within some 20 ms, whichever is told last counts as the later.
      await until(() => isConnected(hubs.second, ada).then(Boolean), 'the second to know of it')
      await using second = await packetClient(hubs.second, kept)
      expect(second.connack).toMatchObject({ returnCode: 0, sessionPresent: false })
      await first.closed
      await using again = await packetClient(hubs.first, kept)
      expect(again.connack).toMatchObject({ returnCode: 0, sessionPresent: false })
    })

    test('a relaunch is told once, by whichever hub and over whichever way comes first', async () => {
      await using hubs = await twoHubs()
      const ada = await hubs.first.user('ada')
      const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
      const beats = async () => {
        const beat = (hub: TestHub) => hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`)
        const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => beat(n % 2 ? hubs.first : hubs.second)))
        return answers.map(({ body }) => body)
      }
      await beats() // both know the device
      await ada.call('PUT /ada/devices/lamp/relaunch')
      const told: unknown[] = []
      await until(async () => told.push(...(await beats())) > 0 && told.includes('R'), 'the relaunch')
      told.push(...(await beats()))
      expect(told.filter((answer) => answer === 'R')).toEqual(['R'])

      await using device = await packetClient(hubs.second, { ...asDevice(ada, lamp), clientId: 'porch' })
      device.subscribe(1, ['ada/devices/lamp/relaunch'])
      expect((await device.next()).cmd).toBe('suback')
      await ada.call('PUT /ada/devices/lamp/relaunch')
      const relaunch = await device.next()
      expect(published(relaunch)).toMatchObject({ payload: '{"seq":2}' })
      device.acknowledge('messageId' in relaunch ? relaunch.messageId : undefined)
      device.send({ cmd: 'pingreq' })
      expect((await device.next()).cmd).toBe('pingresp')
      await hubs.second.broker.settled()
      expect(await beats()).not.toContain('R')
      await using moved = await packetClient(hubs.first, { ...asDevice(ada, lamp), clientId: 'porch' })
      moved.subscribe(1, ['ada/devices/lamp/relaunch'])
      expect((await moved.next()).cmd).toBe('suback')
      await ada.call('PUT /ada/devices/lamp/relaunch')
      expect(published(await moved.next())).toMatchObject({ payload: '{"seq":3}' })
    })
  })
}
