import { describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { noticed, until } from '../../support/mqtt.ts'
import { registry, upload } from '../../support/registry.ts'

const archive = new Uint8Array(randomBytes(100_000))

const noToken = {
  status: 401,
  body: { message: 'Send the arUploadToken of the recipe as Authorization: Bearer; it holds for 10 minutes' }
}

describe(`an archive that does not come, on ${databaseName}`, () => {
  const began = new Date('2026-11-20T12:00:00Z')

  async function atNoon() {
    let now = began
    const t = await registry({ clock: { now: () => now } })
    return Object.assign(t, {
      after: (minutes: number, ms = 0) => {
        now = new Date(began.getTime() + minutes * 60_000 + ms)
      }
    })
  }

  test('the token holds for ten minutes, then its recipe goes; what is published stays', async () => {
    await using t = await atNoon()
    await t.publish('1.0.0')
    const first = await t.awaiting('1.1.0')
    const second = await t.awaiting('1.2.0')
    t.after(9, 59_000)
    expect((await upload(t.hub, { id: first.id, token: first.arUploadToken }, archive)).status).toBe(201)
    expect(await t.hub.hub.upkeep.round()).toMatchObject({ recipes: 0 })
    t.after(10, 1)
    expect(await upload(t.hub, { id: second.id, token: second.arUploadToken }, archive)).toEqual(noToken)
    expect(await t.hub.hub.upkeep.round()).toMatchObject({ recipes: 1 })
    expect(await t.versions()).toEqual(['1.1.0', '1.0.0'])
    expect(await t.hub.hub.upkeep.round()).toMatchObject({ recipes: 0 })
  })

  test('the revision is taken while its archive is awaited, and free again from then on, before any upkeep', async () => {
    await using t = await atNoon()
    await t.awaiting('1.0.0')
    expect((await t.publish('1.0.0')).status).toBe(409)
    t.after(10, 1)
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    expect((await upload(t.hub, { id, token }, archive)).status).toBe(201)
    expect(await t.get('1.0.0')).toMatchObject({ status: 200, body: { id } })
  })

  onOneHub('an upload that has begun in time may end later; one that fails late leaves the recipe to go', async () => {
    await using t = await atNoon()
    const slow = await t.awaiting('1.0.0')
    const failing = await t.awaiting('1.1.0')
    t.after(9, 59_000)
    const slowBody = new TransformStream<Uint8Array, Uint8Array>()
    const failingBody = new TransformStream<Uint8Array, Uint8Array>()
    const uploads = [
      upload(t.hub, { id: slow.id, token: slow.arUploadToken }, slowBody.readable),
      upload(t.hub, { id: failing.id, token: failing.arUploadToken, headers: { digest: 'SHA-256=' } }, failingBody.readable)
    ]
    const writer = slowBody.writable.getWriter()
    await writer.write(archive)
    await until(async () => (await t.hub.stored()).length === 1, 'the upload to begin')
    t.after(20)
    expect((await uploads[1])?.status).toBe(400)
    expect(await t.hub.hub.upkeep.round()).toMatchObject({ recipes: 1 })
    const published = noticed(t.hub, 'package.published')
    await writer.close()
    expect((await uploads[0])?.status).toBe(201)
    await published
    expect(await t.versions()).toEqual(['1.0.0'])
  })

  onOneHub('one that is sent anew while the first is not yet known to have failed is waited for', async () => {
    await using t = await atNoon()
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    const first = new TransformStream<Uint8Array, Uint8Array>()
    const second = new TransformStream<Uint8Array, Uint8Array>()
    const refused = upload(t.hub, { id, token, headers: { digest: `SHA-256=${'A'.repeat(43)}=` } }, first.readable)
    const [broken, writer] = [first.writable.getWriter(), second.writable.getWriter()]
    await broken.write(archive)
    await until(async () => (await t.hub.stored()).length === 1, 'the first to begin')
    t.after(9)
    const sent = upload(t.hub, { id, token }, second.readable)
    await writer.write(archive)
    await until(async () => (await t.hub.stored()).length === 2, 'the second to begin')
    await broken.close()
    expect((await refused).status).toBe(400)
    t.after(20)
    expect(await t.hub.hub.upkeep.round()).toMatchObject({ recipes: 0 })
    await writer.close()
    expect((await sent).status).toBe(201)
  })

  onOneHub('who is no maintainer any more when it ends has published nothing', async () => {
    await using t = await atNoon()
    const grace = await t.hub.user('grace')
    const { id: graceId } = (await grace.call('GET /me')).body as { id: string }
    await t.ada.call(`PUT /v1/packages/${t.id}/maintainers/${graceId}`)
    const { id, arUploadToken: token } = await t.awaiting('1.0.0')
    const body = new TransformStream<Uint8Array, Uint8Array>()
    const sent = upload(t.hub, { id, token }, body.readable)
    const writer = body.writable.getWriter()
    await writer.write(archive)
    await until(async () => (await t.hub.stored()).length === 1, 'the upload to begin')
    await grace.call(`DELETE /v1/packages/${t.id}/maintainers/${t.userId}`)
    await writer.close()
    expect(await sent).toEqual({ status: 403, body: { message: 'You are not a maintainer of this package' } })
    expect([await t.versions(), await t.hub.stored()]).toEqual([[], []])
  })
})
