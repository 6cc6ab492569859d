import { describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { testHub } from '../../support/hub.ts'
import { buildOf, latest, publish, testApplication } from '../../support/releases.ts'
import { exchange, rawHttp } from '../../support/sockets.ts'

const program = new Uint8Array(randomBytes(100_000))
const sha256 = createHash('sha256').update(program).digest('hex')

async function published() {
  const hub = await testHub()
  const ada = await hub.user('ada')
  const appId = await testApplication(ada)
  const build = buildOf(await publish(ada, appId, { version: '1.2.0' }, program))
  const path = new URL(build.url).pathname
  const get = (headers = {}, method = 'GET') => hub.send(`${method} ${path}`, undefined, { headers })
  return { hub, ada, appId, build, path, get }
}

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

describe(`on ${databaseName}: GET /downloads/<build_id>/<slug>_<version>`, () => {
  test('gives the bytes to anybody, and says which they are', async () => {
    const { hub, build, get } = await published()
    await using _ = hub
    const response = await get()
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-length': '100000',
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="my-application_1.2.0"',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
      'cache-control': 'public, no-cache',
      etag: `"${sha256}"`,
      'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
    })
    expect((await bytesOf(response)).equals(program)).toBe(true)
    expect(build.url.slice(build.url.lastIndexOf('_') + 1)).toBe('1.2.0')
  })

  test.each([
    ['bytes=0-4095', 0, 4096],
    ['bytes=98304-102399', 98_304, 100_000],
    ['bytes=99999-', 99_999, 100_000],
    ['bytes=-10', 99_990, 100_000]
  ])('%s gives that part', async (range, from, to) => {
    const { hub, get } = await published()
    await using _ = hub
    const response = await get({ range })
    expect([response.status, response.headers.get('content-range')]).toEqual([206, `bytes ${from}-${to - 1}/100000`])
    expect(response.headers.get('content-length')).toBe(String(to - from))
    expect((await bytesOf(response)).equals(program.subarray(from, to))).toBe(true)
  })

  test('a range past the end is 416, one that makes no sense is ignored', async () => {
    const { hub, get } = await published()
    await using _ = hub
    const past = await get({ range: 'bytes=100000-' })
    expect([past.status, past.headers.get('content-range')]).toEqual([416, 'bytes */100000'])
    for (const range of ['bytes=5-2', 'bytes=x', 'lines=1-2', 'bytes=0-1,3-4']) expect((await get({ range })).status).toBe(200)
  })

  test('If-Range and If-None-Match', async () => {
    const { hub, get } = await published()
    await using _ = hub
    expect((await get({ range: 'bytes=0-9', 'if-range': `"${sha256}"` })).status).toBe(206)
    const changed = await get({ range: 'bytes=0-9', 'if-range': '"another"' })
    expect([changed.status, (await bytesOf(changed)).byteLength]).toEqual([200, 100_000])
    const same = await get({ 'if-none-match': `W/"x", "${sha256}"` })
    expect([same.status, (await bytesOf(same)).byteLength]).toEqual([304, 0])
    expect((await get({ 'if-none-match': '"x"' })).status).toBe(200)
  })

  test('HEAD gives the headers of GET and no body, also over HTTP/1.0', async () => {
    const { hub, path, get } = await published()
    await using _ = hub
    const head = await get({ range: 'bytes=0-9' }, 'HEAD')
    expect([head.status, head.headers.get('content-length'), head.headers.get('etag')]).toEqual([200, '100000', `"${sha256}"`])
    const raw = await exchange(hub.ports.http, `HEAD ${path} HTTP/1.0\r\n\r\n`, (received) => received.includes('\r\n\r\n'))
    expect(raw.toString()).toMatch(/\r\ncontent-length: 100000\r\n.*\r\n$/is)
    expect(
      (await rawHttp(hub.ports.http, `GET ${path} HTTP/1.0\r\nRange: bytes=0-9\r\n\r\n`)).body.equals(program.subarray(0, 10))
    ).toBe(true)
  })

  test('a download that is cut off again and again goes on where it ended, by its ETag', async () => {
    const { hub, path, get } = await published()
    await using _ = hub
    const etag = (await get({}, 'HEAD')).headers.get('etag') ?? ''
    let have = Buffer.alloc(0)
    for (let n = 0; have.length < program.length; n++) {
      const request = `GET ${path} HTTP/1.1\r\nHost: hub\r\nRange: bytes=${have.length}-\r\nIf-Range: ${etag}\r\n\r\n`
      const cut = 20_000 + n
      const received = await exchange(hub.ports.http, request, (soFar) => soFar.length > cut || isWhole(soFar))
      have = Buffer.concat([have, received.subarray(received.indexOf('\r\n\r\n') + 4)])
    }
    expect(have.equals(program)).toBe(true)
  })

  test('404 for no such build, another name, another version, and a build that is withdrawn', async () => {
    const { hub, ada, appId, build, path, get } = await published()
    await using _ = hub
    const folder = path.slice(0, path.lastIndexOf('/'))
    const wrong = [
      `${folder}/my-application_1.2.1`,
      `${folder}/other_1.2.0`,
      `${folder}/my-application_1.2.0x`,
      '/downloads/x/my-application_1.2.0',
      `/downloads/${crypto.randomUUID()}/my-application_1.2.0`,
      `${folder}/..%2f..%2fhub.sqlite`,
      `${folder}/%00`
    ]
    for (const other of wrong)
      expect([other, await hub.call(`GET ${other}`)]).toEqual([other, { status: 404, body: { message: expect.any(String) } }])
    const set = (disabled: boolean) => ada.call(`PATCH /applications/${appId}/builds/${build.build_id}`, { disabled })
    await set(true)
    expect(await hub.call(`GET ${path}`)).toEqual({ status: 404, body: { message: 'Build not found' } })
    await set(false)
    expect((await get()).status).toBe(200)
  })

  onOneHub('bytes of a build stay while it is there, withdrawn or not, and go with its application', async () => {
    const { hub, ada, appId, build, get } = await published()
    await using _ = hub
    const longAgo = new Date(Date.now() - 2 * 60 * 60_000)
    const file = join(hub.dataDir, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
    const sweep = async () => {
      await utimes(file, longAgo, longAgo)
      return (await hub.hub.upkeep.round()).blobs
    }
    expect(await sweep()).toBe(0)
    await ada.call(`PATCH /applications/${appId}/builds/${build.build_id}`, { disabled: true })
    expect(await sweep()).toBe(0)
    await ada.call(`PATCH /applications/${appId}/builds/${build.build_id}`, { disabled: false })
    expect((await bytesOf(await get())).equals(program)).toBe(true)
    expect((await latest(hub, appId)).version).toBe('1.2.0')
    await ada.call('DELETE /ada/apps/my-application')
    expect(await sweep()).toBe(1)
    expect((await get()).status).toBe(404)
    expect((await hub.call('POST /applications/latest-version', { ...asked, app_id: appId })).body).toEqual({
      message: 'Application not found'
    })
  })
})

const asked = { client_id: crypto.randomUUID(), current_running_version: '0.0.0', architecture: 'x86_64-unknown-linux-gnu' }

/** Whether all that was announced has come. */
function isWhole(received: Buffer) {
  const at = received.indexOf('\r\n\r\n')
  const length = Number(
    received
      .subarray(0, Math.max(at, 0))
      .toString('latin1')
      .match(/content-length: (\d+)/i)?.[1] ?? Number.NaN
  )
  return received.length - at - 4 >= length
}
