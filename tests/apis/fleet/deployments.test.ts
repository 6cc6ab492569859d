import { describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { databaseName } from '../../support/databases.ts'
import { deploy, testDevice, testHub } from '../../support/hub.ts'

const image = new Uint8Array(randomBytes(10_000))
const other = new Uint8Array(randomBytes(5000))

describe(`003 on ${databaseName}: POST /apps/<app_name>/deployments`, () => {
  test('deploys a pre-built image to the devices of the application', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp', { app: 'blinker' })
    const beat = async () => (await hub.call(`PUT /devices/${secret}/heartbeat?status=ready`)).body
    expect(await beat()).toBe('X')
    expect(await deploy(ada, 'blinker', image)).toEqual({ status: 200, body: {} })
    const first = Number(await beat())
    expect(first).toBeGreaterThan(0)
    await deploy(ada, 'blinker', other, { group_id: 'release-2' })
    expect(Number(await beat())).toBeGreaterThan(first)
  })

  test('the same under the team, and as plain bytes with the parameters in the query string', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp', { app: 'blinker' })
    const headers = { 'content-type': 'application/octet-stream' }
    expect(await ada.call('POST /ada/apps/blinker/deployments?board=esp8266', undefined, { raw: image, headers })).toEqual({
      status: 200,
      body: {}
    })
    expect(Buffer.from(await (await hub.send(`GET /devices/${secret}/image`)).arrayBuffer()).equals(image)).toBe(true)
  })

  test('equal bytes are stored once, under their SHA-256', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await testDevice(ada, 'lamp', { app: 'blinker' })
    await deploy(ada, 'blinker', image)
    await deploy(ada, 'blinker', image)
    expect(await hub.stored()).toEqual([createHash('sha256').update(image).digest('hex')])
  })

  test('reaches the devices of its tag, or all when it has none; the newest wins', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const roof = await testDevice(ada, 'siren', { app: 'blinker', tag: 'roof' })
    const plain = await testDevice(ada, 'lamp', { app: 'blinker' })
    const runs = async ({ secret }: { secret: string }) => (await hub.call(`PUT /devices/${secret}/heartbeat?status=ready`)).body
    await deploy(ada, 'blinker', image, { tag: 'roof' })
    const [first, nothing] = [await runs(roof), await runs(plain)]
    expect(nothing).toBe('X')
    await deploy(ada, 'blinker', image)
    const second = await runs(plain)
    expect(Number(second)).toBeGreaterThan(Number(first))
    expect(await runs(roof)).toBe(second)
    await deploy(ada, 'blinker', image, { tag: 'cellar' })
    expect([await runs(roof), await runs(plain)]).toEqual([second, second])
    await ada.call('POST /ada/devices/lamp', { tag: 'cellar' })
    expect(Number(await runs(plain))).toBeGreaterThan(Number(second))
  })

  test('lists every complaint, and leaves no bytes of what it refused', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    expect(await deploy(ada, 'blinker', image, { board: 'abacus', tag: 'x'.repeat(65), group_id: '' })).toEqual({
      status: 422,
      body: {
        error: 'Validation failed',
        reasons: [
          'board must be esp8266',
          'tag must be null or a text of at most 64 characters',
          'group_id must be a text of at most 64 characters'
        ]
      }
    })
    expect(await deploy(ada, 'blinker', new Uint8Array())).toMatchObject({ status: 422, body: { reasons: ['image is empty'] } })
    const form = new FormData()
    form.set('board', 'esp8266')
    expect(await ada.call('POST /apps/blinker/deployments', undefined, { raw: form })).toMatchObject({
      body: { reasons: ['image is required'] }
    })
    expect(await ada.call('POST /apps/blinker/deployments', { board: 'esp8266' })).toMatchObject({ status: 422 })
    expect(await hub.stored()).toEqual([])
  })

  test.each(['with', 'without'])(
    'refuses an image over IMAGE_MAX_BYTES %s Content-Length, and leaves nothing on disk',
    async (kind) => {
      await using hub = await testHub({ env: { IMAGE_MAX_BYTES: '9999' } })
      const ada = await hub.user('ada')
      await ada.call('POST /ada/apps', { app_name: 'blinker' })
      const big = new Uint8Array(kind === 'with' ? 10_000 : 300_000)
      const form = new FormData()
      form.set('board', 'esp8266')
      form.set('image', new Blob([big]))
      const { headers, body } = new Request('http://hub.test', { method: 'POST', body: form })
      const raw = kind === 'with' ? form : body
      const type = kind === 'with' ? {} : { 'content-type': headers.get('content-type') ?? '' }
      expect(await ada.call('POST /apps/blinker/deployments', undefined, { raw, headers: type })).toEqual({
        status: 413,
        body: { error: 'More than 9999 bytes', reasons: [] }
      })
      expect(await hub.stored()).toEqual([])
      expect(await deploy(ada, 'blinker', new Uint8Array(9999))).toEqual({ status: 200, body: {} })
    }
  )

  test('an upload that breaks off leaves nothing, and the hub goes on', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    const raw = '--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nhalf of'
    expect(await ada.call('POST /apps/blinker/deployments', undefined, { raw, headers })).toMatchObject({ status: 422 })
    expect(await hub.stored()).toEqual([])
    const noBoundary = { 'content-type': 'multipart/form-data' }
    expect(await ada.call('POST /apps/blinker/deployments', undefined, { raw, headers: noBoundary })).toMatchObject({
      status: 422
    })
    expect(hub.logged()).not.toContain('unexpected error')
  })

  test('finds the application among the caller’s teams; two by that name are told apart by the team', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    await ada.call('POST /teams', { name: 'acme' })
    await ada.call('POST /acme/apps', { app_name: 'blinker' })
    await grace.call('POST /grace/apps', { app_name: 'blinker' })
    expect(await deploy(ada, 'blinker', image)).toEqual({ status: 200, body: {} })
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    expect(await deploy(ada, 'blinker', image)).toEqual({
      status: 422,
      body: {
        error: 'Several of your teams have this application',
        reasons: ['app_name is ambiguous: acme, ada have one; use /<team>/apps/blinker/…']
      }
    })
    expect(await deploy(ada, 'ghost', image)).toEqual({ status: 404, body: { error: 'Application not found', reasons: [] } })
  })
})
