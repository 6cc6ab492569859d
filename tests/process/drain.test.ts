import { describe, expect, test } from 'bun:test'
import { callerOf } from '../support/caller.ts'
import { testDevice } from '../support/hub.ts'
import { deviceClient, until, within } from '../support/mqtt.ts'
import { hubHome } from '../support/process.ts'

const count = 20

/** A hub as a process of its own, with devices that are connected and have a will. */
async function crowd(drainTime: string) {
  const home = await hubHome({ DRAIN_TIME: drainTime })
  const hub = await home.start()
  const { user } = callerOf(hub.base)
  const ada = await user('ada')
  const devices = await Promise.all(Array.from({ length: count }, (_, n) => testDevice(ada, `lamp${n}`)))
  const ports = { mqtt: hub.mqttPort }
  const clients = await Promise.all(
    devices.map((device) => {
      const topic = `ada/devices/${device.name}/log`
      return deviceClient({ ports }, ada, device, { will: { topic, payload: Buffer.from('gone'), qos: 1, retain: false } })
    })
  )
  const left: number[] = []
  for (const { closed } of clients) void closed.then(() => left.push(performance.now()))
  return {
    hub,
    ada,
    ports,
    clients,
    left,
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map(({ client }) => client.endAsync(true)))
      await home[Symbol.asyncDispose]()
    }
  }
}

describe('a hub that is told to stop', () => {
  test('says so at once, goes on answering, and lets its clients go some at a time', async () => {
    await using all = await crowd('3s')
    const { hub, left } = all
    const ready = async () => (await hub.call('GET /health/ready')).status
    expect([await ready(), (await hub.call('GET /health/live')).status]).toEqual([200, 200])
    hub.child.kill('SIGTERM')
    await until(async () => (await ready()) === 503, 'it to say so')
    expect(left).toEqual([])
    expect(await hub.call('GET /health/ready')).toEqual({ status: 503, body: { message: 'The hub is about to stop' } })
    expect(await hub.call('GET /health')).toEqual({ status: 200, body: {} })
    await until(() => left.length > count / 4, 'some to go')
    expect(left.length).toBeLessThan(count)
    const lines = await all.ada.call('GET /ada/devices/lamp0/log')
    expect(lines).toMatchObject({ status: 200, body: { log: [] } }) // nobody's will is published
    expect(await within(hub.child.exited, 'the end of the process', 10_000)).toBe(0)
    expect(left.length).toBe(count)
    expect(Math.max(...left) - Math.min(...left)).toBeGreaterThan(500)
  })

  test('a second time stops without delay', async () => {
    await using all = await crowd('1h')
    const { hub } = all
    hub.child.kill('SIGTERM')
    await until(async () => (await hub.call('GET /health/ready')).status === 503, 'it to say so')
    hub.child.kill('SIGINT')
    expect(await within(hub.child.exited, 'the end of the process', 10_000)).toBe(0)
  })
})
