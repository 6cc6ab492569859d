import { describe, expect, test } from 'bun:test'
import { createAdmission } from '../../../src/mqtt/guards/admission.ts'
import type { Wire } from '../../../src/mqtt/wire.ts'
import { bareClient, connectBytes } from '../../support/bare.ts'
import { testDevice, testHub } from '../../support/hub.ts'
import { refusals } from '../../support/metrics.ts'
import { asDevice, asUser, holdUp, packetClient, until, within } from '../../support/mqtt.ts'
import { silentSocket, webSocket } from '../../support/sockets.ts'

describe('a connection that does not sign in', () => {
  test('ends in time: without a word, with half a CONNECT, over WebSocket', async () => {
    await using hub = await testHub({ mqttLimits: { signInWithin: 100 } })
    await using silent = await silentSocket(hub.ports.mqtt)
    await using half = await bareClient(hub.ports.mqtt)
    half.sendBytes(connectBytes().subarray(0, 9))
    await using web = await webSocket(`ws://127.0.0.1:${hub.ports.http}/mqtt`, ['mqtt'])
    await within(Promise.all([silent.closed, half.closed, web.closed]), 'their end')
    expect(await refusals(hub, 'sign_in_timeout')).toBe(3)
  })

  test('because nothing answers whether it may is refused in time, with code 3, and is not let in later [MQTT-3.2.2-5]', async () => {
    await using hub = await testHub({ mqttLimits: { signInWithin: 100 } })
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const signIn = holdUp(hub.hub.devices, 'signIn')
    await using device = await packetClient(hub, asDevice(ada, lamp))
    expect(device.connack).toMatchObject({ cmd: 'connack', returnCode: 3 })
    await within(device.closed, 'its end')
    signIn.release()
    await using later = await packetClient(hub, asDevice(ada, lamp))
    expect(later.connack).toMatchObject({ returnCode: 0 })
    expect(hub.broker.connected()).toBe(1)
  })

  test('makes room for others when too many do not, and whoever has signed in stays', async () => {
    await using hub = await testHub({ mqttLimits: { unfinishedSignIns: 2 } })
    const ada = await hub.user('ada')
    await using user = await packetClient(hub, asUser(ada))
    await using first = await silentSocket(hub.ports.mqtt)
    await using _second = await silentSocket(hub.ports.mqtt)
    await using third = await packetClient(hub, asUser(ada))
    await within(first.closed, 'the end of the one who took longest')
    expect(third.connack).toMatchObject({ returnCode: 0 })
    expect(await refusals(hub, 'unfinished_sign_ins')).toBe(1)
    user.send({ cmd: 'pingreq' })
    expect(await user.next()).toMatchObject({ cmd: 'pingresp' })
  })
})

describe('of connections there are at most', () => {
  const cases = { MQTT_MAX_CONNECTIONS: 'connections', MQTT_MAX_CONNECTIONS_PER_ADDRESS: 'connections_of_address' }
  test.each(Object.entries(cases))('%s, over TCP and WebSocket together', async (variable, reason) => {
    await using hub = await testHub({ env: { [variable]: '2' } })
    const ada = await hub.user('ada')
    await using _user = await packetClient(hub, asUser(ada))
    const leaving = await packetClient(hub, asUser(ada))
    await using third = await silentSocket(hub.ports.mqtt)
    await using web = await webSocket(`ws://127.0.0.1:${hub.ports.http}/mqtt`, ['mqtt'])
    await within(Promise.all([third.closed, web.closed]), 'the end of those who are too many')
    expect(await refusals(hub, reason)).toBe(2)
    await leaving[Symbol.asyncDispose]()
    await until(() => hub.broker.connected() === 1, 'one to be gone')
    await using again = await packetClient(hub, asUser(ada))
    expect(again.connack).toMatchObject({ returnCode: 0 })
  })

  test('1000 from one address or one IPv6 network by default, and more from this machine', () => {
    const refused: string[] = []
    const limits = { connections: 10_000, connectionsPerAddress: undefined, unfinishedSignIns: 10_000 }
    const admission = createAdmission(limits, (reason) => void refused.push(reason))
    const comeFrom = (remoteAddress: string) => admission.admit({ remoteAddress, destroy() {} } as Wire)
    const came = (count: number, address: (n: number) => string) =>
      Array.from({ length: count }, (_, n) => comeFrom(address(n))).filter(Boolean).length
    expect(came(1100, () => '203.0.113.7')).toBe(1000)
    expect(came(10, () => '::ffff:203.0.113.7')).toBe(0)
    expect(came(1100, (n) => `2001:db8:1:2::${n.toString(16)}`)).toBe(1000)
    expect(came(10, () => '2001:db8:1:3::1')).toBe(10)
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) expect(came(1100, () => address)).toBe(1100)
    expect(refused).toHaveLength(210)
  })
})
