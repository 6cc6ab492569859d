import { describe, expect, test } from 'bun:test'
import { generate } from 'mqtt-packet'
import { bareClient, connectBytes } from '../../support/bare.ts'
import { type TestHub, testDevice, testHub } from '../../support/hub.ts'
import { refusals } from '../../support/metrics.ts'
import { asDevice, logOf, packetClient, within } from '../../support/mqtt.ts'
import { webSocket } from '../../support/sockets.ts'

const log = 'ada/devices/lamp/log'
const aHundredMegabytes = [0x10, 0x80, 0xc2, 0xd7, 0x2f]

async function lampOf(hub: TestHub) {
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp')
  return { ada, lamp, who: asDevice(ada, lamp) }
}

/** A CONNECT whose remaining length is as given: 3 bytes stand before that. */
function connectOf(remaining: number) {
  const bare = connectBytes({ username: '', password: '' }).length - 2
  return connectBytes({ username: 'x'.repeat(remaining - bare), password: '' })
}

/** A PUBLISH of log lines whose remaining length is as given. */
function publishOf(remaining: number) {
  const payload = `${'x'.repeat(remaining - log.length - 5)}\n`
  return generate({ cmd: 'publish', messageId: 1, topic: log, payload, qos: 1, retain: false, dup: false })
}

const headerOf = (packet: Buffer) => packet.subarray(0, 4)

describe('a packet that is too long', () => {
  test('from who has not signed in is cut off by its header alone: at 100 MB, and past 2 KiB', async () => {
    await using hub = await testHub()
    await using huge = await bareClient(hub.ports.mqtt)
    huge.sendBytes(aHundredMegabytes)
    await within(huge.closed, 'the end of a CONNECT of 100 MB')
    await using longer = await bareClient(hub.ports.mqtt)
    longer.sendBytes(headerOf(connectOf(2049)))
    await within(longer.closed, 'the end of a CONNECT of 2 KiB and a byte')
    expect(await refusals(hub, 'too_large')).toBe(2)

    await using longest = await bareClient(hub.ports.mqtt)
    longest.sendBytes(connectOf(2048))
    expect(await longest.next()).toMatchObject({ cmd: 'connack', returnCode: 4 })
  })

  test('from who has signed in is cut off by its header alone, past 64 KiB', async () => {
    await using hub = await testHub()
    const { ada, who } = await lampOf(hub)
    await using device = await packetClient(hub, who)
    device.sendBytes(publishOf(65_536))
    expect(await device.next()).toMatchObject({ cmd: 'puback', messageId: 1 })
    device.sendBytes(headerOf(publishOf(65_537)))
    await within(device.closed, 'the end of who sent too long a packet')
    expect(await logOf(ada, 'lamp')).toHaveLength(1)
    expect(await refusals(hub, 'too_large')).toBe(1)
  })
})

test('a packet that cannot be taken is cut off by its header alone, whatever it would be', async () => {
  await using hub = await testHub()
  const { who } = await lampOf(hub)
  const long = [0xff, 0x0f]
  for (const first of [0x30, 0x82, 0xe0]) {
    await using early = await bareClient(hub.ports.mqtt)
    early.sendBytes([first, 0x7f])
    await within(early.closed, 'the end of whose first packet is no CONNECT')
  }
  const unwelcome = { 'a second CONNECT': 0x10, 'a publish at QoS 2': 0x34, 'a publish to be retained': 0x33 }
  for (const [what, first] of Object.entries(unwelcome)) {
    await using device = await packetClient(hub, who)
    device.sendBytes([first, ...long])
    await within(device.closed, `the end of who sent ${what}`)
  }
  expect(await refusals(hub, 'malformed')).toBe(4)
  expect(await refusals(hub, 'not_offered')).toBe(2)
})

describe('over WebSocket', () => {
  const urlOf = (hub: TestHub) => `ws://127.0.0.1:${hub.ports.http}/mqtt`

  test('a frame is as long as the packets may be: 2 KiB before the sign-in, 64 KiB after it', async () => {
    await using hub = await testHub()
    const { who } = await lampOf(hub)
    await using early = await webSocket(urlOf(hub), ['mqtt'])
    early.socket.send(new Uint8Array(2048 + 6))
    expect(await within(early.closed, 'the end of who sent too long a frame')).toEqual({ code: 1009 })

    await using device = await webSocket(urlOf(hub), ['mqtt'])
    device.socket.send(Uint8Array.from(connectBytes(who)))
    await within(device.bytes(4), 'the CONNACK')
    device.socket.send(Uint8Array.from(publishOf(65_536)))
    expect((await within(device.bytes(8), 'the PUBACK')).subarray(4)).toEqual(Buffer.from([0x40, 2, 0, 1]))
    device.socket.send(new Uint8Array(65_536 + 6))
    await within(device.closed, 'the end of who sent too long a frame')
  })

  test('many small frames are cut off before they become packets', async () => {
    await using hub = await testHub({ mqttLimits: { packetsPerSecond: 1, packetsAtOnce: 2 } })
    await using socket = await webSocket(urlOf(hub), ['mqtt'])
    for (let sent = 0; sent < 50; sent++) socket.socket.send(new Uint8Array(0))
    expect(await within(socket.closed, 'the end of who sent too many')).toEqual({ code: 1008 })
  })
})
