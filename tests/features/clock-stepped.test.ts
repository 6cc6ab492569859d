import { describe, expect, test } from 'bun:test'
import { databaseName } from '../support/databases.ts'
import { deploy, testDevice, testHub } from '../support/hub.ts'
import { deviceClient, listed, logOf } from '../support/mqtt.ts'

const hour = 3_600_000

describe(`a clock that is stepped, on ${databaseName}`, () => {
  test('back and forth: what is stored keeps its order, what changes is told, and nobody is taken for silent for long', async () => {
    let offset = 0
    await using hub = await testHub({ clock: { now: () => new Date(Date.now() + offset) } })
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    const bell = await testDevice(ada, 'bell', { app: 'blinker' })
    await using device = await deviceClient(hub, ada, bell)
    await device.subscribe(['ada/devices/bell/deployment'])
    const say = (raw: string) => hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`, undefined, { raw })
    for (const [id, step] of [0, -hour, hour / 2, 12 * hour, 0].entries()) {
      offset = step
      expect((await say(`line ${id}`)).status).toBe(200)
      expect(await listed(ada, 'lamp')).toMatchObject({ status: 'running' })
      expect(await listed(ada, 'bell')).toMatchObject({ connected: true, status: 'new' })
      await deploy(ada, 'blinker', new TextEncoder().encode(`image ${id}`))
      expect(JSON.parse((await device.next()).payload)).toMatchObject({ id: id + 1 })
      expect((await say('again')).body).toBe(String(id + 1))
    }
    expect((await logOf(ada, 'lamp')).filter((line) => line !== 'again')).toEqual([0, 1, 2, 3, 4].map((id) => `line ${id}`))
    const root = await hub.root()
    const { body } = await root.call('GET /api/v1/applications')
    const [{ id } = { id: '' }] = (body as { data: { id: string }[] }).data
    expect((await root.call(`GET /api/v1/logs/verify-chain?application_id=${id}`)).body).toMatchObject({ data: { intact: true } })
    expect(await hub.hub.upkeep.round()).toMatchObject({ lines: 0, notices: 0 })
  })
})
