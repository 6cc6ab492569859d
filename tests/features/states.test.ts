import { describe, expect, test } from 'bun:test'
import { databaseName } from '../support/databases.ts'
import { deploy, type TestHub, type TestUser, testDevice, testHub } from '../support/hub.ts'
import { listed } from '../support/mqtt.ts'

const image = new TextEncoder().encode('an image')

async function warm() {
  const hub = await testHub()
  const ada = await hub.user('ada')
  await ada.call('POST /teams', { name: 'acme' })
  const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
  await ada.call('POST /ada/apps', { app_name: 'alarm' })
  await deploy(ada, 'blinker', image)
  await deploy(ada, 'blinker', image, { tag: 'roof' })
  await deploy(ada, 'alarm', image)
  const beat = async () => (await hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`)).body
  expect(await beat()).toBe('1')
  return { hub, ada, beat }
}

type Change = (ada: TestUser, hub: TestHub) => Promise<unknown>
const notThere = { error: 'Device not found', reasons: [] }

// What is changed while the hub has the device in memory, and what its very next heartbeat is answered.
const changes: [string, Change, unknown][] = [
  ['a tag', (ada) => ada.call('POST /ada/devices/lamp', { tag: 'roof' }), '2'],
  ['another application', (ada) => ada.call('POST /ada/apps/alarm/devices', { device_name: 'lamp' }), '3'],
  ['a deployment', (ada) => deploy(ada, 'blinker', image), '4'],
  ['a deployment of another tag', (ada) => deploy(ada, 'blinker', image, { tag: 'cellar' }), '1'],
  ['a deployment of another application', (ada) => deploy(ada, 'alarm', image), '1'],
  ['a relaunch', (ada) => ada.call('PUT /ada/devices/lamp/relaunch'), 'R'],
  ['the end of the application', (ada) => ada.call('DELETE /ada/apps/blinker'), 'X'],
  ['the end of another application', (ada) => ada.call('DELETE /ada/apps/alarm'), '1'],
  ['the end of the device', (ada) => ada.call('DELETE /ada/devices/lamp'), notThere],
  ['the end of the account', (ada) => ada.call('DELETE /auth'), notThere]
]

describe(`what is kept in memory of a device, on ${databaseName}, is right after`, () => {
  test.each(changes)('%s', async (_name, change, expected) => {
    const { hub, ada, beat } = await warm()
    await using _ = hub
    await change(ada, hub)
    expect(await beat()).toEqual(expected)
  })

  test('the end of its team', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await ada.call('POST /teams', { name: 'acme' })
    const { body } = await ada.call('POST /acme/devices', { device_name: 'lamp', board: 'esp8266' })
    const { device_secret: secret } = body as { device_secret: string }
    const beat = async () => (await hub.call(`PUT /devices/${secret}/heartbeat?status=running`)).status
    expect(await beat()).toBe(200)
    await ada.call('DELETE /teams/acme')
    expect(await beat()).toBe(404)
  })

  test('many changes among many heartbeats: each answer is what held when it was asked for, or newer', async () => {
    const { hub, ada, beat } = await warm()
    await using _ = hub
    let deployed = 1
    const deploying = (async () => {
      for (let n = 0; n < 10; n++) {
        await deploy(ada, 'blinker', image)
        deployed = n + 4
      }
    })()
    const beating = Array.from({ length: 4 }, async () => {
      for (let n = 0; n < 50; n++) {
        const before = deployed
        expect(Number(await beat())).toBeGreaterThanOrEqual(before)
      }
    })
    await Promise.all([deploying, ...beating])
    expect(await beat()).toBe('13')
  })

  test('reports that come at once: the last to come is what is so', async () => {
    const { hub, ada } = await warm()
    await using _ = hub
    const { reports, devices } = hub.hub
    const { body } = await ada.call('POST /ada/devices', { device_name: 'bell', board: 'esp8266' })
    const { device_secret: secret } = body as { device_secret: string }
    const status = async () => (await listed(ada, 'bell'))?.status
    const orders = [
      'ready running',
      'running ready',
      'ready ready running ready',
      'running ready running running',
      'running ready'
    ]
    for (const order of orders) {
      const said = order.split(' ') as ('ready' | 'running')[]
      const bell = await devices.bySecret(secret, () => 'here')
      await Promise.all(said.map((one) => reports.heartbeat(bell, { status: one }, [])))
      expect([order, await status()]).toEqual([order, said.at(-1)])
    }
    const { device } = await devices.bySecret(secret, () => 'here')
    for (const order of orders) {
      const said = order.split(' ') as ('ready' | 'running')[]
      await Promise.all(said.map((one) => reports.status(device, { status: one })))
      expect([order, await status()]).toEqual([order, said.at(-1)])
    }
  })

  test('devices that should run the same deployment share what is known of it', async () => {
    const { hub, ada } = await warm()
    await using _ = hub
    const states = async (names: string[]) => {
      const devices = await Promise.all(names.map((name) => testDevice(ada, name, { app: 'blinker' })))
      return Promise.all(devices.map(async ({ secret }) => hub.hub.devices.bySecret(secret, () => 'nowhere')))
    }
    const [one] = await states(['one'])
    const [two] = await states(['two'])
    expect(two?.deployment).toMatchObject({ id: 1, size: image.byteLength })
    expect(two?.deployment === one?.deployment).toBe(true)
    expect(two?.device.name).toBe('two')
  })

  test('a change that fails: what the report would have noted is not kept', async () => {
    const { hub, ada, beat } = await warm()
    await using _ = hub
    const { report } = hub.hub.logs
    Object.assign(hub.hub.logs, {
      report: () => {
        throw new Error('disk full')
      }
    })
    await ada.call('PUT /ada/devices/lamp/relaunch')
    expect(await beat()).toMatchObject({ error: 'Internal server error' })
    Object.assign(hub.hub.logs, { report })
    expect(await beat()).toBe('R')
    expect(await beat()).toBe('1')
  })
})
