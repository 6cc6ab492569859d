import { describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { deploy, type TestHub, testDevice, testHub } from '../../support/hub.ts'
import { holdUp } from '../../support/mqtt.ts'
import { exchange, rawHttp } from '../../support/sockets.ts'

const image = new Uint8Array(randomBytes(10_000))
const sha256 = createHash('sha256').update(image).digest('hex')
const md5 = createHash('md5').update(image).digest('hex')
const unknown = '0'.repeat(40)

async function deployed() {
  const hub = await testHub()
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
  await deploy(ada, 'blinker', image)
  const id = Number((await hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=ready`)).body)
  return {
    hub,
    ada,
    lamp,
    id,
    get: (headers = {}, query = '') => hub.send(`GET /devices/${lamp.secret}/image${query}`, undefined, { headers })
  }
}

const bytes = async (response: Response) => Buffer.from(await response.arrayBuffer())

describe(`003 on ${databaseName}: GET /devices/<device_secret>/image`, () => {
  test('downloads the latest image, or the one of deployment_id', async () => {
    const { hub, ada, get, id } = await deployed()
    await using _ = hub
    await deploy(ada, 'blinker', new Uint8Array([1, 2, 3]))
    expect(await bytes(await get())).toEqual(Buffer.from([1, 2, 3]))
    expect((await bytes(await get({}, `?deployment_id=${id}`))).equals(image)).toBe(true)
  })

  test('says what it is: validators, digests, length', async () => {
    const { hub, get } = await deployed()
    await using _ = hub
    const { status, headers } = await get()
    expect(status).toBe(200)
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-length': '10000',
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      etag: `"${sha256}"`,
      'x-md5': md5,
      'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
    })
  })

  test.each([
    ['bytes=0-4095', 0, 4096],
    ['bytes=8192-12287', 8192, 10_000],
    ['bytes=9999-', 9999, 10_000],
    ['bytes=-10', 9990, 10_000]
  ])('%s gives that part', async (range, from, to) => {
    const { hub, get } = await deployed()
    await using _ = hub
    const response = await get({ range })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/10000`)
    expect(response.headers.get('content-length')).toBe(String(to - from))
    expect((await bytes(response)).equals(image.subarray(from, to))).toBe(true)
  })

  test('a range past the end is 416, one that makes no sense is ignored', async () => {
    const { hub, get } = await deployed()
    await using _ = hub
    const past = await get({ range: 'bytes=10000-' })
    expect([past.status, past.headers.get('content-range')]).toEqual([416, 'bytes */10000'])
    expect((await get({ range: 'bytes=5-2' })).status).toBe(200)
  })

  test('If-Range lets a range count only for the same image, If-None-Match answers 304', async () => {
    const { hub, get } = await deployed()
    await using _ = hub
    expect((await get({ range: 'bytes=0-9', 'if-range': `"${sha256}"` })).status).toBe(206)
    const changed = await get({ range: 'bytes=0-9', 'if-range': '"another"' })
    expect([changed.status, (await bytes(changed)).byteLength]).toEqual([200, 10_000])
    const same = await get({ 'if-none-match': `"x", "${sha256}"` })
    expect([same.status, (await bytes(same)).byteLength]).toEqual([304, 0])
    expect((await get({ 'if-none-match': '"x"' })).status).toBe(200)
  })

  test('HEAD gives the headers of GET and no body', async () => {
    const { hub, lamp } = await deployed()
    await using _ = hub
    const raw = await exchange(
      hub.ports.http,
      `HEAD /devices/${lamp.secret}/image HTTP/1.0\r\nHost: hub\r\nRange: bytes=0-9\r\nConnection: close\r\n\r\n`,
      (received) => received.includes('\r\n\r\n')
    )
    const head = await hub.send(`HEAD /devices/${lamp.secret}/image`, undefined, { headers: { range: 'bytes=0-9' } })
    expect([head.status, head.headers.get('content-length'), head.headers.get('etag')]).toEqual([200, '10000', `"${sha256}"`])
    expect(raw.toString()).toMatch(/\r\ncontent-length: 10000\r\n.*\r\n$/is)
  })

  test('answers ESPhttpUpdate: 304 for the sketch it runs, 403 for too little space', async () => {
    const { hub, get } = await deployed()
    await using _ = hub
    expect((await get({ 'x-esp8266-sketch-md5': md5.toUpperCase() })).status).toBe(304)
    expect((await get({ 'x-esp8266-sketch-md5': '0'.repeat(32) })).status).toBe(200)
    expect((await get({ 'x-esp8266-free-space': '9999' })).status).toBe(403)
    expect((await get({ 'x-esp8266-free-space': '10000' })).status).toBe(200)
  })

  test('403: the deployment exists but the device is not associated with its application', async () => {
    const { hub, ada, id } = await deployed()
    await using _ = hub
    const siren = await testDevice(ada, 'siren', { app: 'alarm' })
    expect(await hub.call(`GET /devices/${siren.secret}/image?deployment_id=${id}`)).toEqual({
      status: 403,
      body: { error: 'The device is not associated with the application', reasons: [] }
    })
  })

  test('404: no such deployment, a malformed id, one for another tag, none at all, no such device', async () => {
    const { hub, ada, lamp, id } = await deployed()
    await using _ = hub
    const status = async (secret: string, query = '') => (await hub.call(`GET /devices/${secret}/image${query}`)).status
    for (const bad of ['99999', 'abc', '-1', '1e3', '4294967296', '99999999999999999999']) {
      expect(await status(lamp.secret, `?deployment_id=${bad}`)).toBe(404)
    }
    await deploy(ada, 'blinker', image, { tag: 'roof' })
    expect(await status(lamp.secret, `?deployment_id=${id + 1}`)).toBe(404)
    expect(await status((await testDevice(ada, 'bare')).secret)).toBe(404)
    expect(await status(unknown)).toBe(404)
    expect(await status('not-a-secret')).toBe(404)
  })
})

describe(`003 on ${databaseName}: PUT /devices/<device_secret>/heartbeat`, () => {
  const heartbeat = (hub: TestHub, secret: string, status: string, log = '') =>
    hub.call(`PUT /devices/${secret}/heartbeat?status=${status}`, undefined, { raw: log })

  test('stores status, time and log, and answers X, the deployment, or R once', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp', { app: 'blinker' })
    expect(await heartbeat(hub, secret, 'ready', 'booted\nready\n')).toEqual({ status: 200, body: 'X' })
    expect((await ada.call('GET /ada/devices')).body).toMatchObject({
      devices: [{ status: 'ready', last_seen_at: expect.stringMatching(/^20/) }]
    })
    expect((await ada.call('GET /ada/devices/lamp/log')).body).toMatchObject({ log: [{ line: 'booted' }, { line: 'ready' }] })
    await deploy(ada, 'blinker', image)
    await ada.call('PUT /ada/devices/lamp/relauch')
    expect((await heartbeat(hub, secret, 'running')).body).toBe('R')
    expect((await heartbeat(hub, secret, 'running')).body).toMatch(/^[1-9]\d*$/)
  })

  test('of two heartbeats at once one is told to relaunch', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    await ada.call('PUT /ada/devices/lamp/relaunch')
    const answers = await Promise.all(Array.from({ length: 10 }, () => heartbeat(hub, secret, 'running')))
    expect(answers.map(({ body }) => String(body)).toSorted()).toEqual(['R', ...Array(9).fill('X')])
  })

  onOneHub('is answered by what the device should run when it is stored, not when the device was looked up', async () => {
    const { hub, ada, lamp, id } = await deployed()
    await using _ = hub
    const lookUp = holdUp(hub.hub.devices, 'bySecret')
    const answer = heartbeat(hub, lamp.secret, 'running')
    await lookUp.asked
    await deploy(ada, 'blinker', new Uint8Array([1, 2, 3]))
    lookUp.release()
    expect(Number((await answer).body)).toBe(id + 1)
    const late = holdUp(hub.hub.devices, 'bySecret')
    const refused = heartbeat(hub, lamp.secret, 'running')
    await late.asked
    await ada.call('DELETE /ada/devices/lamp')
    late.release()
    expect((await refused).status).toBe(404)
  })

  test('over HTTP/1.0, with and without a Host: text with Content-Length, not chunked, less than 64 bytes', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp', { app: 'blinker' })
    await deploy(ada, 'blinker', image)
    for (const host of ['', 'Host: h\r\n', 'Host: hub.local\r\n']) {
      const request = `PUT /devices/${secret}/heartbeat?status=ready HTTP/1.0\r\n${host}Content-Length: 6\r\n\r\n`
      const { status, headers, body } = await rawHttp(hub.ports.http, request, 'a line')
      expect(status).toBe(200)
      expect(headers.get('transfer-encoding')).toBeUndefined()
      expect(headers.get('content-length')).toBe(String(body.byteLength))
      expect(body.byteLength).toBeLessThan(64)
      expect(body.toString()).toMatch(/^\d+$/)
    }
    const range = `GET /devices/${secret}/image HTTP/1.0\r\nRange: bytes=8192-12287\r\n\r\n`
    expect((await rawHttp(hub.ports.http, range)).body.equals(image.subarray(8192))).toBe(true)
  })

  test('404 for an unknown device, before anything else is looked at', async () => {
    await using hub = await testHub()
    expect(await heartbeat(hub, unknown, 'dancing')).toEqual({ status: 404, body: { error: 'Device not found', reasons: [] } })
  })

  test('422 for a status that does not exist, and nothing is stored', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    for (const status of ['dancing', '', 'down', '{"status":"dancing"}']) {
      expect(await heartbeat(hub, secret, encodeURIComponent(status), 'a line')).toEqual({
        status: 422,
        body: { error: 'Validation failed', reasons: ['status must be new, ready or running; deployment_id, if given, an id'] }
      })
    }
    expect((await ada.call('GET /ada/devices/lamp/log')).body).toMatchObject({ log: [] })
    expect((await ada.call('GET /ada/devices')).body).toMatchObject({ devices: [{ status: 'new', last_seen_at: null }] })
  })

  test('may say which deployment runs, so that one without MQTT is listed with it too', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    const running = async () =>
      ((await ada.call('GET /ada/devices')).body as { devices: { running_id: number | null }[] }).devices[0]?.running_id
    await heartbeat(hub, secret, 'running&deployment_id=87')
    expect(await running()).toBe(87)
    await heartbeat(hub, secret, 'running')
    expect(await running()).toBe(87)
    await heartbeat(hub, secret, 'ready')
    expect(await running()).toBeNull()
    expect((await heartbeat(hub, secret, 'running&deployment_id=soon')).status).toBe(422)
  })

  test('413 for more than 64 KiB or 1000 lines of log', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    expect((await heartbeat(hub, secret, 'ready', 'x'.repeat(64 * 1024 + 1))).status).toBe(413)
    expect((await heartbeat(hub, secret, 'ready', 'x'.repeat(64 * 1024))).status).toBe(200)
    expect((await heartbeat(hub, secret, 'ready', 'x\n'.repeat(1001))).status).toBe(413)
    expect((await heartbeat(hub, secret, 'ready', 'x\n'.repeat(1000))).status).toBe(200)
  })

  test('a log with NUL and broken UTF-8 is stored as far as it is text', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    const raw = new Uint8Array([0x61, 0, 0x62, 0xff, 0x0a, 0x63])
    await hub.call(`PUT /devices/${secret}/heartbeat?status=ready`, undefined, { raw })
    expect((await ada.call('GET /ada/devices/lamp/log')).body).toMatchObject({ log: [{ line: 'a\ufffdb\ufffd' }, { line: 'c' }] })
  })
})
