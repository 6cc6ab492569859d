import { describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { SignJWT } from 'jose'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { jwtSecret } from '../../support/hub.ts'
import { until } from '../../support/mqtt.ts'
import { registry, reprDigest, sha256, statusesOf, upload } from '../../support/registry.ts'
import { rawHttp } from '../../support/sockets.ts'

const archive = new Uint8Array(randomBytes(100_000))
const other = new Uint8Array(randomBytes(1000))
const noToken = {
  status: 401,
  body: { message: 'Send the arUploadToken of the recipe as Authorization: Bearer; it holds for 10 minutes' }
}

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer())

describe(`002 on ${databaseName}: PUT /v1/archives/{recipe id}`, () => {
  test('stores the archive, offers the recipe, and tells where the archive is', async () => {
    await using t = await registry()
    const { id, arUploadToken: token, arUploadUrl } = await t.awaiting('1.0.0')
    expect([await t.versions(), await t.latest(), (await t.get('1.0.0')).status]).toEqual([[], [], 404])
    expect(arUploadUrl).toBe(`${t.hub.base}/v1/archives/${id}`)
    expect(await upload(t.hub, { id, token }, archive)).toEqual({
      status: 201,
      body: { size: 100_000, sha256: sha256(archive), arDownload: arUploadUrl }
    })
    expect([await t.versions(), await t.latest()]).toEqual([['1.0.0'], ['1.0.0']])
    const { body } = await t.get('1.0.0')
    expect(body).toMatchObject({ id, arDownload: arUploadUrl })
    expect(await bytesOf(await fetch((body as { arDownload: string }).arDownload))).toEqual(archive)
    expect(await t.hub.stored()).toEqual([sha256(archive)])
  })

  test('links are under PUBLIC_URL', async () => {
    await using t = await registry({ env: { PUBLIC_URL: 'https://hub.example.org' } })
    const { id, arUploadToken: token, arUploadUrl } = await t.awaiting('1.0.0')
    expect(arUploadUrl).toBe(`https://hub.example.org/v1/archives/${id}`)
    await upload(t.hub, { id, token }, archive)
    expect((await t.get('1.0.0')).body).toMatchObject({ arDownload: arUploadUrl })
  })

  onOneHub('links are under the address that the hub has, where a request names none', async () => {
    await using t = await registry()
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    await upload(t.hub, { id, token }, archive)
    const { body } = await rawHttp(t.hub.ports.http, `GET /v1/packages/${t.id}/recipes/1.0.0 HTTP/1.0\r\n\r\n`)
    expect(JSON.parse(body.toString())).toMatchObject({ arDownload: `${t.hub.base}/v1/archives/${id}` })
  })

  test('without Content-Length too', async () => {
    await using t = await registry()
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    expect((await upload(t.hub, { id, token }, new Response(archive).body)).status).toBe(201)
    expect(await bytesOf(await t.hub.send(`GET /v1/archives/${id}`))).toEqual(archive)
  })

  test('409 for a second upload, of the same bytes too; the first stays', async () => {
    await using t = await registry()
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    await upload(t.hub, { id, token }, archive)
    const there = { status: 409, body: { message: 'The archive is already there' } }
    expect(await upload(t.hub, { id, token }, other)).toEqual(there)
    expect(await upload(t.hub, { id, token }, archive)).toEqual(there)
    expect(await bytesOf(await t.hub.send(`GET /v1/archives/${id}`))).toEqual(archive)
    expect(await t.hub.stored()).toEqual([sha256(archive)])
  })

  test('of ten uploads at once with one token, one is stored', async () => {
    await using t = await registry()
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    const all = Array.from({ length: 10 }, () => new Uint8Array(randomBytes(50_000)))
    const answers = await Promise.all(all.map((bytes) => upload(t.hub, { id, token }, bytes)))
    expect(statusesOf(answers)).toEqual([201, ...Array(9).fill(409)])
    const winner = all[answers.findIndex(({ status }) => status === 201)]
    expect(await bytesOf(await t.hub.send(`GET /v1/archives/${id}`))).toEqual(winner as Uint8Array<ArrayBuffer>)
  })

  test('401 without a token, and for every kind that does not hold', async () => {
    await using t = await registry()
    const { id } = await t.awaiting('1.0.0')
    const sign = (secret: string, claims: object) =>
      new SignJWT({ sub: id, iss: 'updraft-upload', exp: Math.floor(Date.now() / 1000) + 60, ...claims })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(secret))
    const bad = [
      '',
      'nonsense',
      t.ada.token,
      await sign('another secret, also long enough to sign with', {}),
      await sign(jwtSecret, { iss: 'updraft' }),
      await sign(jwtSecret, { exp: undefined })
    ]
    for (const token of bad) expect([token, await upload(t.hub, { id, token }, archive)]).toEqual([token, noToken])
    expect((await upload(t.hub, { id, token: await sign(jwtSecret, {}) }, archive)).status).toBe(201)
  })

  test('an upload token is no access token', async () => {
    await using t = await registry()
    const { arUploadToken } = await t.awaiting('1.0.0')
    expect((await t.hub.as(arUploadToken).call('GET /me')).status).toBe(401)
  })

  test('403 for the token of another recipe, whatever the id', async () => {
    await using t = await registry()
    const first = await t.awaiting('1.0.0')
    const second = await t.awaiting('1.1.0')
    const message = 'The upload token is of another recipe'
    for (const id of [second.id, 'nonsense'])
      expect(await upload(t.hub, { id, token: first.arUploadToken }, archive)).toEqual({ status: 403, body: { message } })
    expect((await upload(t.hub, { id: first.id, token: first.arUploadToken }, archive)).status).toBe(201)
  })

  test('403 once who published is no maintainer any more', async () => {
    await using t = await registry()
    const grace = await t.hub.user('grace')
    const { id: graceId } = (await grace.call('GET /me')).body as { id: string }
    await t.ada.call(`PUT /v1/packages/${t.id}/maintainers/${graceId}`)
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    await grace.call(`DELETE /v1/packages/${t.id}/maintainers/${t.userId}`)
    expect((await upload(t.hub, { id, token }, archive)).status).toBe(403)
    expect(await t.versions()).toEqual([])
  })

  test.each([
    ['repr-digest', reprDigest(archive)],
    ['repr-digest', `md5=:AAAA:, ${reprDigest(archive)}`],
    ['content-digest', reprDigest(archive)],
    ['digest', `SHA-256=${createHash('sha256').update(archive).digest('base64')}`],
    ['digest', `sha-512=AAAA,sha-256=${createHash('sha256').update(archive).digest('base64')}`],
    ['repr-digest', 'sha-512=:AAAA:']
  ])('takes %s: %s', async (name, value) => {
    await using t = await registry()
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    expect((await upload(t.hub, { id, token, headers: { [name]: value } }, archive)).status).toBe(201)
  })

  test.each([
    ['repr-digest', reprDigest(other), 'The archive is not the one that was announced: its digest is another'],
    ['digest', `SHA-256=${'A'.repeat(43)}=`, 'The archive is not the one that was announced: its digest is another'],
    ['repr-digest', 'sha-256=:nonsense:', 'repr-digest is no SHA-256 in base64'],
    ['digest', 'SHA-256=', 'digest is no SHA-256 in base64']
  ])('400 for %s: %s; nothing is left, and it may be sent again', async (name, value, message) => {
    await using t = await registry()
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    expect(await upload(t.hub, { id, token, headers: { [name]: value } }, archive)).toEqual({ status: 400, body: { message } })
    expect([await t.hub.stored(), await t.versions()]).toEqual([[], []])
    expect((await upload(t.hub, { id, token, headers: { 'repr-digest': reprDigest(archive) } }, archive)).status).toBe(201)
  })

  test('400 for an empty archive, and for a form', async () => {
    await using t = await registry()
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    expect((await upload(t.hub, { id, token }, new Uint8Array())).body).toEqual({ message: 'The archive is empty' })
    expect((await upload(t.hub, { id, token }, null)).body).toEqual({ message: 'The archive is empty' })
    const form = new FormData()
    form.set('file', new Blob([archive]))
    const { headers } = new Request('http://hub.test', { method: 'POST', body: form })
    const type = { 'content-type': headers.get('content-type') ?? '' }
    expect(await upload(t.hub, { id, token, headers: type }, form)).toMatchObject({
      status: 400,
      body: { message: 'Send the archive itself as the body' }
    })
    expect(await t.hub.stored()).toEqual([])
  })

  test.each([
    ['with', 10_000],
    ['without', 10_000],
    ['with', 40_000_000],
    ['without', 40_000_000]
  ])('413 for an archive over ARCHIVE_MAX_BYTES %s Content-Length (%d bytes); nothing is left', async (kind, size) => {
    await using t = await registry({ env: { ARCHIVE_MAX_BYTES: '9999' } })
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    const big = new Uint8Array(size)
    expect(await upload(t.hub, { id, token }, kind === 'with' ? big : new Response(big).body)).toEqual({
      status: 413,
      body: { message: 'More than 9999 bytes' }
    })
    expect([await t.hub.stored(), await t.versions()]).toEqual([[], []])
    expect((await upload(t.hub, { id, token }, new Uint8Array(9999))).status).toBe(201)
  })

  test.each(['content-length: 100000', 'transfer-encoding: chunked'])(
    'cut off in the middle (%s) it leaves nothing, and may be repeated with the same token',
    async (framing) => {
      await using t = await registry()
      const { id, arUploadToken: token } = await t.awaiting('1.0.0')
      const begun = until(async () => (await t.hub.stored()).length === 1, 'the upload to begin')
      const socket = connect(t.hub.ports.http, '127.0.0.1')
      socket.on('error', () => {})
      const head = `PUT /v1/archives/${id} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer ${token}\r\n${framing}\r\n\r\n`
      const half = archive.subarray(0, 50_000)
      socket.write(head)
      socket.write(framing.startsWith('transfer') ? Buffer.concat([Buffer.from('c350\r\n'), half, Buffer.from('\r\n')]) : half)
      await begun
      socket.resetAndDestroy()
      await until(async () => (await t.hub.stored()).length === 0, 'the half upload to be gone')
      expect(await t.versions()).toEqual([])
      expect((await upload(t.hub, { id, token }, archive)).status).toBe(201)
      expect(await bytesOf(await t.hub.send(`GET /v1/archives/${id}`))).toEqual(archive)
      expect(t.hub.logged()).not.toContain('unexpected error')
    }
  )

  test('equal archives of two recipes are stored once, and stay when the sweep comes', async () => {
    await using t = await registry()
    for (const version of ['1.0.0', '1.1.0']) {
      const { id, arUploadToken: token } = await t.awaiting(version)
      await upload(t.hub, { id, token }, archive)
    }
    expect(await t.hub.stored()).toEqual([sha256(archive)])
    expect(await t.hub.hub.blobs.sweep(t.hub.hub.references.referred, -60_000)).toBe(0)
    expect(await t.hub.hub.blobs.sweep(async () => [], -60_000)).toBe(1)
  })

  test('the token, and what it opens, is never logged', async () => {
    await using t = await registry({ env: { LOG_LEVEL: 'trace' } })
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    await upload(t.hub, { id, token }, archive)
    await until(() => t.hub.logged().includes('/v1/archives/:id'), 'the request to be logged')
    expect(t.hub.logged()).not.toContain(token)
  })
})
