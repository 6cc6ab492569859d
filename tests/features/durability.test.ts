import { describe, expect, test } from 'bun:test'
import { databaseName } from '../support/databases.ts'
import { password } from '../support/hub.ts'
import { mqttClient } from '../support/mqtt.ts'
import { type HubProcess, hubHome } from '../support/process.ts'

const json = (body: object) => JSON.stringify(body)

async function signIn(hub: HubProcess) {
  const { body } = await hub.call('POST /login', { body: json({ email: 'root@example.org', password }) })
  return { access_token: (body as { access_token: string }).access_token }
}

async function withDevice(hub: HubProcess) {
  const headers = await signIn(hub)
  const { body } = await hub.call('POST /admin/devices', { body: json({ device_name: 'lamp', board: 'esp8266' }), headers })
  await hub.call('POST /admin/apps', { body: json({ app_name: 'blinker' }), headers })
  await hub.call('POST /admin/apps/blinker/devices', { body: json({ device_name: 'lamp' }), headers })
  return { headers, secret: (body as { device_secret: string }).device_secret }
}

async function killed(hub: HubProcess) {
  hub.child.kill('SIGKILL')
  await hub.child.exited
}

const deviceClient = (hub: HubProcess, secret: string) =>
  mqttClient(`mqtt://127.0.0.1:${hub.mqttPort}`, { username: 'admin/lamp', password: secret })

describe(`a hub on ${databaseName} killed at once after it has acknowledged`, () => {
  test('a status and a log line over MQTT has them when it starts again', async () => {
    await using home = await hubHome()
    const first = await home.start()
    const { headers, secret } = await withDevice(first)
    const device = await deviceClient(first, secret)
    await device.publish('admin/devices/lamp/log', 'the last words')
    await device.publish('admin/devices/lamp/status', '{"status":"running","deployment_id":87}')
    await killed(first)

    const second = await home.start()
    expect((await second.call('GET /admin/devices', { headers })).body).toMatchObject({
      devices: [{ status: 'running', running_id: 87 }]
    })
    expect((await second.call('GET /admin/devices/lamp/log', { headers })).body).toMatchObject({
      log: [{ line: 'the last words' }]
    })
    await killed(second)
    await device[Symbol.asyncDispose]()
  })

  test('a heartbeat has it when it starts again', async () => {
    await using home = await hubHome()
    const first = await home.start()
    const { headers, secret } = await withDevice(first)
    expect((await first.call(`PUT /devices/${secret}/heartbeat?status=ready`, { body: 'a line' })).body).toBe('X')
    await killed(first)

    const second = await home.start()
    expect((await second.call('GET /admin/devices', { headers })).body).toMatchObject({ devices: [{ status: 'ready' }] })
    expect((await second.call('GET /admin/devices/lamp/log', { headers })).body).toMatchObject({ log: [{ line: 'a line' }] })
    await killed(second)
  })

  test('a deployment has it, bytes and all, and tells of it', async () => {
    await using home = await hubHome()
    const first = await home.start()
    const { headers, secret } = await withDevice(first)
    const image = crypto.getRandomValues(new Uint8Array(50_000))
    const form = new FormData()
    form.set('board', 'esp8266')
    form.set('image', new Blob([image]))
    expect((await first.call('POST /apps/blinker/deployments', { body: form, headers })).status).toBe(200)
    await killed(first)

    const second = await home.start()
    const fetched = await fetch(`${second.base}/devices/${secret}/image`)
    expect(Buffer.from(await fetched.arrayBuffer()).equals(image)).toBe(true)
    await using device = await deviceClient(second, secret)
    await device.subscribe(['admin/devices/lamp/deployment'])
    expect(await device.next()).toMatchObject({ retain: true, payload: expect.stringContaining('"size":50000') })
    await killed(second)
  })

  test('a relaunch has it, and tells the device once', async () => {
    await using home = await hubHome()
    const first = await home.start()
    const { headers, secret } = await withDevice(first)
    expect((await first.call('PUT /admin/devices/lamp/relauch', { headers })).status).toBe(200)
    await killed(first)

    const second = await home.start()
    const beat = async (hub: HubProcess) => (await hub.call(`PUT /devices/${secret}/heartbeat?status=running`)).body
    expect(await beat(second)).toBe('R')
    await killed(second)
    const third = await home.start()
    expect(await beat(third)).toBe('X')
    await killed(third)
  })

  test('log entries has them, and their chain holds; of a request that was under way too', async () => {
    await using home = await hubHome()
    const first = await home.start()
    const headers = await signIn(first)
    const body = json({ name: 'Collector', slug: 'collector' })
    const made = await first.call('POST /api/v1/applications', { body, headers })
    const { id, apiKey } = (made.body as { data: { id: string; apiKey: string } }).data
    const total = async (hub: HubProcess) =>
      ((await hub.call(`GET /api/v1/applications/${id}`, { headers })).body as { data: { total_logs: number } }).data.total_logs
    const lines = Array.from({ length: 5000 }, (_, n) => json({ log_type: 'audit', payload: n })).join('\n')
    const send = (text: ReadableStream | string) =>
      first.call('POST /api/v1/logs', { body: text, headers: { 'x-api-key': apiKey, 'content-type': 'application/x-ndjson' } })
    expect((await send(lines)).status).toBe(201)
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.from(`${lines}\n`)) })
    const cutOff = send(endless).catch(() => 'cut off')
    while ((await total(first)) === 5000);
    await killed(first)
    expect(await cutOff).toBe('cut off')

    const second = await home.start()
    const stored = await total(second)
    expect(stored).toBeGreaterThan(5000)
    expect((await second.call(`GET /api/v1/logs/verify-chain?application_id=${id}`, { headers })).body).toMatchObject({
      data: { intact: true, checked: stored }
    })
    await killed(second)
  })
})
