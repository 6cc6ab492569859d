import { describe, expect, test } from 'bun:test'
import { generate } from 'mqtt-packet'
import { until, within } from '../../support/mqtt.ts'
import { stage } from '../../support/stage.ts'

const ping = { cmd: 'pingreq' } as const

const publish = (topic: string, payload: string) =>
  generate({ cmd: 'publish', messageId: 1, topic, payload, qos: 1, retain: false, dup: false })

describe('the keep-alive', () => {
  test('[MQTT-3.1.2-24] ends who is silent for one and a half times as long, and nobody who pings', async () => {
    await using s = await stage()
    const start = performance.now()
    await using silent = await s.device({ keepalive: 1 })
    await using pinging = await s.device({ keepalive: 1 })
    const timer = setInterval(() => pinging.send(ping), 300)
    await within(silent.closed, 'the silent one to be closed')
    const waited = performance.now() - start
    clearInterval(timer)
    expect(waited).toBeGreaterThan(1400)
    expect(waited).toBeLessThan(4000)
    expect(s.hub.broker.connected()).toBe(1)
  })
})

describe('PINGREQ', () => {
  test('[MQTT-3.12.4-1] is answered by PINGRESP', async () => {
    await using s = await stage()
    await using device = await s.device()
    for (let n = 0; n < 3; n++) device.send(ping)
    for (let n = 0; n < 3; n++) expect(await device.next()).toMatchObject({ cmd: 'pingresp' })
  })
})

describe('a packet of one length only', () => {
  test('[MQTT-4.8.0-1] that has another ends the connection', async () => {
    await using s = await stage()
    const packets = { PINGREQ: [0xc0, 1, 0], DISCONNECT: [0xe0, 1, 0], PUBACK: [0x40, 3, 0, 1, 0], shorter: [0x40, 1, 1] }
    for (const [name, bytes] of Object.entries(packets)) {
      await using device = await s.device()
      device.sendBytes(bytes)
      device.send(ping)
      await within(device.closed, `the end of who sent ${name}`)
      expect(device.arrived).toEqual([])
    }
  })
})

describe('DISCONNECT', () => {
  test('[MQTT-3.14.4-2] ends the connection, and what comes behind it does not count', async () => {
    await using s = await stage()
    await using device = await s.device()
    device.sendBytes(Buffer.concat([generate({ cmd: 'disconnect' }), publish(s.topics.log, 'behind')]))
    await within(device.closed, 'the connection to be closed')
    await until(() => s.hub.broker.connected() === 0, 'the device to be gone')
    await s.hub.broker.settled()
    expect(await s.lines()).toEqual([])
  })

  test('[MQTT-3.14.4-3] takes back the will; without it [MQTT-3.1.2-8] the will is published', async () => {
    await using s = await stage()
    await using user = await s.user()
    user.subscribe(1, [s.topics.log])
    await user.next()
    const will = (payload: string) => ({ will: { topic: s.topics.log, payload, qos: 1 as const } })
    await using leaving = await s.device(will('not said'))
    leaving.send({ cmd: 'disconnect' })
    await within(leaving.closed, 'the connection to be closed')
    for (const [payload, end] of [
      ['lost', 'reset'],
      ['gone', 'end']
    ] as const) {
      await using device = await s.device(will(payload))
      if (end === 'reset') device.socket.resetAndDestroy()
      else device.socket.end()
      expect(await user.next()).toMatchObject({ cmd: 'publish', qos: 1, retain: false, payload: Buffer.from(payload) })
    }
    expect(await s.lines()).toEqual(['lost', 'gone'])
  })

  test('[MQTT-3.1.2-8] a will is published when the keep-alive or the protocol ends the connection', async () => {
    await using s = await stage()
    const will = (payload: string) => ({ will: { topic: s.topics.log, payload, qos: 0 as const } })
    await using silent = await s.device({ ...will('silent'), keepalive: 1 })
    await using wrong = await s.device(will('wrong'))
    wrong.sendBytes([0xf0, 0])
    await within(Promise.all([silent.closed, wrong.closed]), 'both to be closed')
    await s.hub.broker.settled()
    expect(await s.lines()).toEqual(['wrong', 'silent'])
  })
})
