import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { decodeJwt } from 'jose'
import { defaultLimits } from '../../src/features/accounts/limits.ts'
import { jwtSecret, type TestHub, testDevice, testHub } from '../support/hub.ts'
import { asDevice, asUser, deviceClient, listed, packetClient, until, userClient, within } from '../support/mqtt.ts'

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token like the one that a user has, but for what a test changes. */
function token(user: { token: string }, { secret = jwtSecret, expiresIn = 3600 } = {}) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { ...decodeJwt(user.token), jti: 'x', iat: now - 7200, exp: now + expiresIn }
  const content = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`
}

/** The code of the CONNACK; the connection must end by itself when that says no. */
async function answerTo(hub: TestHub, options: Parameters<typeof packetClient>[1]) {
  await using client = await packetClient(hub, options)
  const { connack } = client
  if (connack.cmd !== 'connack') throw new Error(`not a CONNACK but ${connack.cmd}`)
  if (connack.returnCode !== 0) await within(client.closed, 'the end of a refused connection')
  return connack.returnCode
}

describe('signing in', () => {
  test('a device, by its name and secret; the team is compared without case', async () => {
    await using hub = await testHub()
    const ada = await hub.user('Ada')
    const lamp = await testDevice(ada, 'lamp')
    expect(await answerTo(hub, asDevice(ada, lamp))).toBe(0)
    expect(await answerTo(hub, { ...asDevice(ada, lamp), username: 'aDA/lamp' })).toBe(0)
    expect(await answerTo(hub, { ...asDevice(ada, lamp), username: 'Ada/Lamp' })).toBe(4)
  })

  test('a user, by a token and any username', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect(await answerTo(hub, asUser(ada))).toBe(0)
    expect(await answerTo(hub, { username: 'whatever', password: ada.token })).toBe(0)
    expect(await answerTo(hub, { username: '', password: token(ada) })).toBe(0)
  })

  test('is refused with code 4 for bad credentials, and the connection ends [MQTT-3.2.2-5]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const bob = await hub.user('bob')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(ada, 'fan')
    await bob.call('DELETE /auth')
    const refused = {
      'an unknown secret': { username: 'ada/lamp', password: '0'.repeat(40) },
      "another device's secret": { username: 'ada/lamp', password: fan.secret },
      "another team's name": { username: 'root/lamp', password: lamp.secret },
      'a name with something behind it': { username: 'ada/lamp/more', password: lamp.secret },
      'a secret without a name': { username: '', password: lamp.secret },
      'no secret': { username: 'ada/lamp', password: '' },
      'no password': { username: 'ada/lamp' },
      'no credentials': {},
      'a password of the account': { username: 'ada', password: 'correct horse battery' },
      'an expired token': { username: 'ada', password: token(ada, { expiresIn: -60 }) },
      'a forged token': { username: 'ada', password: token(ada, { secret: 'another secret, just as long as that one' }) },
      'a token without a signature': { username: 'ada', password: `${token(ada).split('.').slice(0, 2).join('.')}.` },
      'the token of a deleted user': asUser(bob)
    }
    const answers = await Promise.all(
      Object.entries(refused).map(async ([what, options]) => [what, await answerTo(hub, options)] as const)
    )
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(Object.keys(refused).map((what) => [what, 4])))
    expect(hub.logged()).not.toContain(lamp.secret)
  })

  test('is refused with code 2 for a session without a name, or with too long a name [MQTT-3.1.3-8] [MQTT-3.1.3-9]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = asDevice(ada, await testDevice(ada, 'lamp'))
    const wantsSession = (connect: Buffer) => connect.writeUInt8(connect.readUInt8(9) & ~2, 9) // Clean Session 0
    expect(await answerTo(hub, { ...lamp, clientId: '', tamper: wantsSession })).toBe(2)
    expect(await answerTo(hub, { ...lamp, clientId: 'x'.repeat(129) })).toBe(2)
    expect(await answerTo(hub, { ...lamp, clientId: '', clean: true })).toBe(0)
    expect(await answerTo(hub, { ...lamp, clientId: 'x'.repeat(128), clean: false })).toBe(0)
  })

  test('is refused with code 1 for MQTT 5 [MQTT-3.1.2-2]', async () => {
    await using hub = await testHub()
    expect(await answerTo(hub, { protocolVersion: 5, clientId: 'new' })).toBe(1)
  })

  test('is refused with code 3 after too many wrong secrets, but for the right one', async () => {
    const limits = { ...defaultLimits, deviceSecret: { points: 2, duration: 60 } }
    await using hub = await testHub({ limits })
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const wrong = { username: 'ada/lamp', password: '0'.repeat(40) }
    expect(await answerTo(hub, wrong)).toBe(4)
    expect(await answerTo(hub, wrong)).toBe(4)
    expect(await answerTo(hub, wrong)).toBe(3)
    expect(await answerTo(hub, asDevice(ada, lamp))).toBe(0)
  })

  test('ends with the token', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await using client = await packetClient(hub, { username: 'ada', password: token(ada, { expiresIn: 2 }) })
    expect(client.connack).toMatchObject({ returnCode: 0 })
    await within(client.closed, 'the end of the token')
  })
})

describe('one client id', () => {
  test('of two devices, and of a device and a user, is two connections', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const fan = await testDevice(ada, 'fan')
    await using first = await deviceClient(hub, ada, lamp, { clientId: 'esp' })
    await using second = await deviceClient(hub, ada, fan, { clientId: 'esp' })
    await using third = await userClient(hub, ada, { clientId: 'esp' })
    await Promise.all([first.publish('ada/devices/lamp/log', 'one'), second.publish('ada/devices/fan/log', 'two')])
    expect(await third.subscribe(['ada/#'])).toEqual([1])
    expect(hub.broker.connected()).toBe(3)
  })

  test('of one device is taken over by whoever comes later [MQTT-3.1.4-2]', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    await using first = await deviceClient(hub, ada, lamp, { clientId: 'esp' })
    await using second = await deviceClient(hub, ada, lamp, { clientId: 'esp' })
    await within(first.closed, 'the end of the first connection')
    await second.publish('ada/devices/lamp/log', 'still here')
    expect(hub.broker.connected()).toBe(1)
    expect(await listed(ada, 'lamp')).toMatchObject({ connected: true })
  })

  test('of one device that comes many times at once leaves one connection, and none when that ends', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp')
    const options = { ...asDevice(ada, lamp), clientId: 'esp' }
    await using first = await deviceClient(hub, ada, lamp, { clientId: 'esp' })
    await first.subscribe(['ada/devices/lamp/deployment', 'ada/devices/lamp/relaunch'])
    const others = await Promise.allSettled(Array.from({ length: 8 }, () => packetClient(hub, options)))
    const came = others.flatMap((other) => (other.status === 'fulfilled' ? [other.value] : []))
    const open = () => came.filter(({ socket }) => !socket.closed)
    await until(() => open().length === 1, 'all but one to be closed')
    expect(hub.broker.connected()).toBe(1)
    for (const { socket } of open()) socket.destroy()
    await until(async () => (await listed(ada, 'lamp'))?.connected === false, 'the device to be gone')
    expect(hub.broker.connected()).toBe(0)
  })
})
