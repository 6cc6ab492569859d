import { describe, expect, test } from 'bun:test'
import { deploy, testDevice, testHub } from '../../support/hub.ts'
import { figure, refusals } from '../../support/metrics.ts'
import { asDevice, asUser, packetClient, published, until, within } from '../../support/mqtt.ts'

const log = 'ada/devices/lamp/log'

describe('what is there for who was away', () => {
  test('is nothing of what was said meanwhile: it would pile up, and be stale', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const options = { ...asUser(ada), clientId: 'reader', clean: false }
    {
      await using user = await packetClient(hub, options)
      user.subscribe(1, ['ada/#'])
      await user.next()
    }
    await until(() => hub.broker.connected() === 0, 'the reader to be gone')
    for (let round = 0; round < 5; round++) {
      await using device = await packetClient(hub, { ...asDevice(ada, lamp), clientId: `esp-${round}` })
      for (let id = 1; id <= 390; id++) device.publish(id, log, `old ${id}`)
      for (let id = 1; id <= 390; id++) await device.next()
    }
    expect(await figure(hub, 'updraft_mqtt_unacknowledged')).toBe(0)
    await using user = await packetClient(hub, options)
    expect(user.connack).toMatchObject({ sessionPresent: true })
    await using device = await packetClient(hub, asDevice(ada, lamp))
    device.publish(1, log, 'new')
    expect(published(await user.next())).toMatchObject({ payload: 'new' })
  }, 20_000)

  test('is looked up for one device where the filter names one, not for all of its team', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    await testDevice(ada, 'fan', { app: 'fans' })
    const asked: unknown[] = []
    const { ofTeam } = hub.hub.deployments
    hub.hub.deployments.ofTeam = (teamId, name) => {
      asked.push(name)
      return ofTeam(teamId, name)
    }
    const topics = ['ada/devices/lamp/deployment', 'ada/devices/lamp/relaunch']
    for (const who of [asUser(ada), asDevice(ada, lamp)]) {
      await using client = await packetClient(hub, who)
      client.subscribe(1, topics)
      await client.next()
      await hub.broker.settled()
    }
    expect(asked).toEqual(['lamp']) // for the user; a device's own is in memory
  })
})

test('GET /metrics shows who is connected, what is told and how late, what waits, and what is refused', async () => {
  await using hub = await testHub()
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
  await using device = await packetClient(hub, asDevice(ada, lamp))
  await using user = await packetClient(hub, asUser(ada))
  device.subscribe(1, ['ada/devices/lamp/deployment', 'ada/devices/lamp/relaunch'])
  user.subscribe(1, ['ada/devices/lamp/deployment', 'bob/#'])
  for (const client of [device, user]) await client.next()
  await hub.broker.settled()
  await deploy(ada, 'blinker', new TextEncoder().encode('image'))
  await ada.call('PUT /ada/devices/lamp/relaunch')
  const told = [await device.next(), await user.next(), await device.next()]
  expect(told.map((packet) => packet.cmd)).toEqual(['publish', 'publish', 'publish'])
  expect(await figure(hub, 'updraft_mqtt_clients')).toBe(2)
  expect(await figure(hub, 'updraft_mqtt_unacknowledged')).toBe(3)
  expect(await figure(hub, 'updraft_notices_told_total{topic="deployment"}')).toBe(2)
  expect(await figure(hub, 'updraft_notices_told_total{topic="relaunch"}')).toBe(1)
  expect(await figure(hub, 'updraft_notice_delay_seconds_count')).toBe(3)
  expect(await figure(hub, 'updraft_notice_delay_seconds_sum')).toBeLessThan(5)

  await using wrong = await packetClient(hub, { username: 'ada/lamp', password: '0'.repeat(40) })
  user.publish(1, log, 'not mine')
  await within(Promise.all([wrong.closed, user.closed]), 'the end of who was refused')
  for (const reason of ['filter', 'unauthorized', 'forbidden']) expect(await refusals(hub, reason)).toBe(1)
  for (const messageId of [told[0]?.messageId, told[2]?.messageId]) device.acknowledge(messageId)
  await until(async () => (await figure(hub, 'updraft_mqtt_unacknowledged')) === 0, 'all to be acknowledged')
})
