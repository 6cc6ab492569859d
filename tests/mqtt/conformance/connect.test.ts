import { describe, expect, test } from 'bun:test'
import { generate } from 'mqtt-packet'
import { connectBytes } from '../../support/bare.ts'
import { within } from '../../support/mqtt.ts'
import { stage } from '../../support/stage.ts'

const ping = { cmd: 'pingreq' } as const

type Stage = Awaited<ReturnType<typeof stage>>

/** What a connection gets for these bytes until it is closed. */
async function answerTo(s: Stage, ...bytes: Uint8Array[]) {
  await using client = await s.bare()
  client.sendBytes(Buffer.concat(bytes))
  await within(client.closed, 'the connection to be closed')
  return client.arrived
}

/** The bytes of the device's CONNECT, changed. The flags are at 9, the length of the client id at 12. */
function tampered(s: Stage, tamper: (bytes: Buffer) => void) {
  const bytes = connectBytes({ ...s.who, clientId: 'abc' })
  tamper(bytes)
  return bytes
}

const publish = (topic: string, payload: string) =>
  generate({ cmd: 'publish', messageId: 1, topic, payload, qos: 1, retain: false, dup: false })

describe('CONNECT', () => {
  test('[MQTT-3.1.0-1] whatever comes first and is none ends the connection', async () => {
    await using s = await stage()
    const subscribe = generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: s.topics.log, qos: 1 }] })
    for (const first of [generate(ping), publish(s.topics.log, 'x'), subscribe, generate({ cmd: 'disconnect' })]) {
      expect(await answerTo(s, first, connectBytes(s.who))).toEqual([])
    }
  })

  test('[MQTT-3.1.0-2] a second one ends the connection', async () => {
    await using s = await stage()
    await using device = await s.device()
    device.sendBytes(connectBytes(s.who))
    await within(device.closed, 'the connection to be closed')
    expect(device.arrived).toEqual([])
    const [connack, ...more] = await answerTo(s, connectBytes(s.who), connectBytes(s.who))
    expect([connack?.cmd ?? 'connack', more]).toEqual(['connack', []])
  })

  test('[MQTT-3.1.2-1] of another protocol ends the connection without a word', async () => {
    await using s = await stage()
    expect(
      await answerTo(
        s,
        tampered(s, (bytes) => bytes.write('MQTx', 4))
      )
    ).toEqual([])
    expect(
      await answerTo(
        s,
        tampered(s, (bytes) => bytes.write('HTTP', 4))
      )
    ).toEqual([])
  })

  test.each([2, 5, 6, 127])('[MQTT-3.1.2-2] of level %i is answered with code 1, and the connection ends', async (level) => {
    await using s = await stage()
    const bytes =
      level === 5 ? connectBytes({ ...s.who, protocolVersion: 5 }) : tampered(s, (each) => void each.writeUInt8(level, 8))
    expect(await answerTo(s, bytes)).toMatchObject([{ cmd: 'connack', returnCode: 1, sessionPresent: false }])
  })

  test('of MQTT 3.1 is taken', async () => {
    await using s = await stage()
    await using device = await s.device({ protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'old' })
    expect(device.connack).toMatchObject({ returnCode: 0 })
  })

  test('[MQTT-3.1.2-1] of a name with the level of another ends the connection', async () => {
    await using s = await stage()
    const old = connectBytes({ ...s.who, protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'old' })
    old.writeUInt8(4, 10)
    expect(await answerTo(s, old)).toEqual([])
    for (const level of [3, 0x84])
      expect(
        await answerTo(
          s,
          tampered(s, (each) => void each.writeUInt8(level, 8))
        )
      ).toEqual([])
  })

  test('[MQTT-3.1.2-3] with its reserved flag set ends the connection', async () => {
    await using s = await stage()
    expect(
      await answerTo(
        s,
        tampered(s, (bytes) => void bytes.writeUInt8(bytes.readUInt8(9) | 1, 9))
      )
    ).toEqual([])
  })

  test('[MQTT-3.1.2-13] [MQTT-3.1.2-15] with a QoS or a retain flag for a will that it has not ends the connection', async () => {
    await using s = await stage()
    for (const flag of [0x08, 0x10, 0x20]) {
      expect(
        await answerTo(
          s,
          tampered(s, (bytes) => void bytes.writeUInt8(bytes.readUInt8(9) | flag, 9))
        )
      ).toEqual([])
    }
  })

  test('[MQTT-3.1.2-14] with a will at QoS 3 ends the connection', async () => {
    await using s = await stage()
    const bytes = connectBytes({ ...s.who, clientId: 'abc', will: { topic: s.topics.log, payload: 'x', qos: 1 } })
    bytes.writeUInt8(bytes.readUInt8(9) | 0x18, 9)
    expect(await answerTo(s, bytes)).toEqual([])
  })

  test('[MQTT-3.1.2-22] with a password and no name ends the connection', async () => {
    await using s = await stage()
    const bytes = connectBytes({ clientId: 'abc', username: 'ab' })
    bytes.writeUInt8((bytes.readUInt8(9) & ~0x80) | 0x40, 9) // what was the name is the password now
    expect(await answerTo(s, bytes)).toEqual([])
  })

  test('[MQTT-3.1.4-1] that is cut short, or says that it is, ends the connection without a CONNACK', async () => {
    await using s = await stage()
    const whole = connectBytes({ ...s.who, clientId: 'abc' })
    for (const length of [0, 3, 8, 10, 12, 14, 20, whole.length - 3]) {
      const short = Buffer.from(whole)
      short.writeUInt8(length, 1)
      expect(await answerTo(s, short.subarray(0, length + 2), Buffer.alloc(20, 0xff))).toEqual([])
    }
  })

  test('[MQTT-3.1.4-1] is taken however it is split over segments', async () => {
    await using s = await stage()
    await using client = await s.bare()
    for (const byte of connectBytes(s.who)) {
      client.sendBytes([byte])
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 })
  })

  test('[MQTT-2.2.2-2] and every other packet with flags that are reserved ends the connection', async () => {
    await using s = await stage()
    expect(
      await answerTo(
        s,
        tampered(s, (bytes) => void bytes.writeUInt8(0x11, 0))
      )
    ).toEqual([])
    const packets = {
      SUBSCRIBE: [0x80, 6, 0, 1, 0, 1, 0x61, 0],
      UNSUBSCRIBE: [0xa0, 5, 0, 1, 0, 1, 0x61],
      PUBACK: [0x41, 2, 0, 1],
      PINGREQ: [0xc1, 0],
      DISCONNECT: [0xe1, 0]
    }
    for (const [name, bytes] of Object.entries(packets)) {
      await using device = await s.device()
      device.sendBytes(bytes)
      await within(device.closed, `the end of who sent ${name}`)
      expect(device.arrived).toEqual([])
    }
  })

  test('[MQTT-1.5.3-1] [MQTT-1.5.3-2] with NUL or what is not UTF-8 in a text ends the connection', async () => {
    await using s = await stage()
    for (const wrong of [0x00, 0xff, 0xc0, 0xed]) {
      expect(
        await answerTo(
          s,
          tampered(s, (bytes) => void bytes.writeUInt8(wrong, 15))
        )
      ).toEqual([])
    }
    const will = connectBytes({ ...s.who, will: { topic: 'ada/\0', payload: 'x' } })
    expect(await answerTo(s, will)).toEqual([])
  })
})

describe('a client id', () => {
  test('[MQTT-3.1.3-5] of 1 to 23 letters and digits is taken', async () => {
    await using s = await stage()
    for (const clientId of ['a', '0123456789abcdefghijklm', 'NOPQRSTUVWXYZ']) {
      await using device = await s.device({ clientId, clean: false })
      expect(device.connack).toMatchObject({ returnCode: 0 })
    }
  })

  test('[MQTT-3.1.3-6] that is empty makes each a client of its own', async () => {
    await using s = await stage()
    await using first = await s.device()
    await using second = await s.device()
    for (const device of [first, second]) {
      device.send(ping)
      expect(await device.next()).toMatchObject({ cmd: 'pingresp' })
    }
  })

  test('[MQTT-3.1.3-8] that is empty, with a session to be kept, is refused with code 2', async () => {
    await using s = await stage()
    const bytes = connectBytes(s.who)
    bytes.writeUInt8(bytes.readUInt8(9) & ~0x02, 9) // the flag of a clean session
    expect(await answerTo(s, bytes)).toMatchObject([{ cmd: 'connack', returnCode: 2, sessionPresent: false }])
  })

  test('[MQTT-3.1.4-2] is taken over by the later one, and the earlier connection ends', async () => {
    await using s = await stage()
    await using earlier = await s.device({ clientId: 'esp' })
    await using later = await s.device({ clientId: 'esp' })
    await within(earlier.closed, 'the earlier to be closed')
    later.send(ping)
    expect(await later.next()).toMatchObject({ cmd: 'pingresp' })
    expect(s.hub.broker.connected()).toBe(1)
  })
})

describe('CONNACK', () => {
  test('[MQTT-3.2.0-1] is the first packet, before what the session still has', async () => {
    await using s = await stage()
    const options = { clientId: 'esp', clean: false }
    {
      await using device = await s.device(options)
      device.subscribe(1, [s.topics.relaunch])
      await device.next()
      await s.relaunch()
      await device.next()
    }
    for (let round = 0; round < 5; round++) {
      await using device = await s.device(options)
      expect(device.connack).toMatchObject({ cmd: 'connack', returnCode: 0 })
      expect(await device.next()).toMatchObject({ cmd: 'publish', dup: true })
    }
  })

  test('[MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3] says whether there was a session', async () => {
    await using s = await stage()
    const present = async (clean: boolean) => {
      await using device = await s.device({ clientId: 'esp', clean })
      if (!clean) {
        device.subscribe(1, [s.topics.relaunch])
        await device.next()
      }
      return device.connack.cmd === 'connack' && device.connack.sessionPresent
    }
    expect([await present(false), await present(false), await present(true), await present(false)]).toEqual([
      false,
      true,
      false,
      false
    ])
  })

  test('[MQTT-3.2.2-2] says so of a session without subscriptions too', async () => {
    await using s = await stage()
    const present: unknown[] = []
    for (let visit = 0; visit < 2; visit++) {
      await using device = await s.device({ clientId: 'esp', clean: false })
      present.push(device.connack.cmd === 'connack' && device.connack.sessionPresent)
    }
    expect(present).toEqual([false, true])
  })

  test('[MQTT-3.2.2-4] [MQTT-3.2.2-5] that says no has no session, and is the last there is', async () => {
    await using s = await stage()
    const refused = connectBytes({ username: 'ada/lamp', password: '0'.repeat(40), clientId: 'esp', clean: false })
    expect(await answerTo(s, refused)).toMatchObject([{ cmd: 'connack', returnCode: 4, sessionPresent: false }])
  })

  test('[MQTT-3.1.4-5] need not be waited for: what comes right behind CONNECT counts, unless that is refused', async () => {
    await using s = await stage()
    await using device = await s.bare()
    device.sendBytes(Buffer.concat([connectBytes(s.who), publish(s.topics.log, 'early'), generate(ping)]))
    expect([(await device.next()).cmd, (await device.next()).cmd, (await device.next()).cmd].toSorted()).toEqual([
      'connack',
      'pingresp',
      'puback'
    ])
    const wrong = connectBytes({ ...s.who, password: '0'.repeat(40) })
    expect(await answerTo(s, wrong, publish(s.topics.log, 'too early'))).toMatchObject([{ cmd: 'connack', returnCode: 4 }])
    await s.hub.broker.settled()
    expect(await s.lines()).toEqual(['early'])
  })
})
