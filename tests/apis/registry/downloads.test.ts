import { describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { databaseName } from '../../support/databases.ts'
import { registry, reprDigest, sha256, upload } from '../../support/registry.ts'

const archive = new Uint8Array(randomBytes(100_000))

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer())

describe(`002 on ${databaseName}: GET /v1/archives/{recipe id}`, () => {
  async function stored() {
    const t = await registry()
    const { id, arUploadToken: token } = await t.awaiting('1.0.0', { revision: 'r7' })
    await upload(t.hub, { id, token }, archive)
    const get = (headers: Record<string, string> = {}, method = 'GET') =>
      t.hub.send(`${method} /v1/archives/${id}`, undefined, { headers })
    return Object.assign(t, { archiveId: id, download: get })
  }

  test('anybody gets the bytes, with validators, for ever', async () => {
    await using t = await stored()
    const response = await t.download()
    expect([response.status, Object.fromEntries(response.headers)]).toEqual([
      200,
      expect.objectContaining({
        'content-length': '100000',
        'content-type': 'application/octet-stream',
        'content-disposition': 'attachment; filename="zlib-1.0.0-r7"',
        'cache-control': 'public, max-age=31536000, immutable',
        'accept-ranges': 'bytes',
        'x-content-type-options': 'nosniff',
        etag: `"${sha256(archive)}"`,
        'repr-digest': reprDigest(archive)
      })
    ])
    expect(await bytesOf(response)).toEqual(archive)
  })

  test.each<[string, number, number, number]>([
    ['bytes=0-9', 206, 0, 10],
    ['bytes=50000-', 206, 50_000, 100_000],
    ['bytes=-7', 206, 99_993, 100_000],
    ['bytes=99999-200000', 206, 99_999, 100_000],
    ['bytes=5-2', 200, 0, 100_000],
    ['items=0-9', 200, 0, 100_000]
  ])('Range: %s gives %d', async (range, status, start, end) => {
    await using t = await stored()
    const response = await t.download({ range })
    expect(response.status).toBe(status)
    if (status === 206) expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/100000`)
    expect(await bytesOf(response)).toEqual(archive.slice(start, end))
  })

  test('416 past the end, 304 for what is there, If-Range by the entity tag, HEAD without bytes', async () => {
    await using t = await stored()
    const etag = `"${sha256(archive)}"`
    const past = await t.download({ range: 'bytes=100000-' })
    expect([past.status, past.headers.get('content-range')]).toEqual([416, 'bytes */100000'])
    expect((await t.download({ 'if-none-match': `W/${etag}` })).status).toBe(304)
    expect((await t.download({ range: 'bytes=0-9', 'if-range': etag })).status).toBe(206)
    expect((await t.download({ range: 'bytes=0-9', 'if-range': '"another"' })).status).toBe(200)
    const head = await t.download({}, 'HEAD')
    expect([head.status, head.headers.get('content-length'), head.headers.get('etag'), (await bytesOf(head)).length]).toEqual([
      200,
      '100000',
      etag,
      0
    ])
  })

  test('404 for a recipe that has none, or awaits it, and for no recipe', async () => {
    await using t = await registry()
    const { id: plain } = (await t.publish('1.0.0')).body as { id: string }
    const { id: awaited } = await t.awaiting('1.1.0')
    const none = { status: 404, body: { message: 'Archive not found' } }
    for (const id of [plain, awaited, t.id, 'nonsense']) expect(await t.hub.call(`GET /v1/archives/${id}`)).toEqual(none)
  })
})
