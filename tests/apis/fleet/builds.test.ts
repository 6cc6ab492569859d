import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type ZipEntry, zipOf } from '../../../scripts/demo/zip.ts'
import { databaseName } from '../../support/databases.ts'
import { builder, busybox, hasEngine, startEngine, type TestEngine } from '../../support/engine.ts'
import { type TestHub, type TestUser, testDevice, testHub } from '../../support/hub.ts'
import { deviceClient, until } from '../../support/mqtt.ts'
import { has } from '../../support/needs.ts'

const here = hasEngine() && has('xtensa-lx106-elf-gcc', 'apt-get install gcc-xtensa-lx106')
const blink = await readFile(new URL('../../../scripts/demo/blink.c', import.meta.url))
const longest = 60_000

type Built = { id: number; status: string; group_id: string; failure: string | null; deployments: number[]; log: string }

/** Sends a source archive; gives the answer. */
function send(
  user: TestUser,
  zip: Uint8Array<ArrayBuffer>,
  { path = '/apps/blinker/builds', ...fields }: Record<string, string> = {}
) {
  const form = new FormData()
  form.set('source_file', new Blob([zip]), 'source.zip')
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  return user.call(`POST ${path}`, undefined, { raw: form })
}

/** The build once it is over, which a notice tells. */
async function whenOver({ hub, ada }: { hub: TestHub; ada: TestUser }, { body }: { body: unknown }): Promise<Built> {
  const { id } = body as { id: number }
  const over = Promise.withResolvers<void>()
  const stop = hub.hub.notices.listen(({ type, data }) => {
    if (type === 'build.status' && data.id === id && ['success', 'failure'].includes(data.status)) over.resolve()
  })
  const ask = async () => (await ada.call(`GET /ada/apps/blinker/builds/${id}`)).body as Built
  const { status } = await ask()
  if (['queued', 'building'].includes(status)) await over.promise
  stop()
  return ask()
}

describe.skipIf(!here)(`003 on ${databaseName}: POST /apps/<app_name>/builds`, () => {
  let engine: TestEngine
  beforeAll(async () => {
    engine = await startEngine()
    await engine.importBuilder()
  }, longest)
  afterAll(() => engine?.[Symbol.asyncDispose](), longest)

  /** A hub at the engine, with a user, an application and a device of it. */
  async function stage(env: Record<string, string> = {}) {
    const hub = await testHub({ env: { DOCKER_HOST: engine.host, BUILDER_IMAGE_ESP8266: builder, ...env } })
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    return { hub, ada, lamp, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() }
  }

  test(
    'a C source becomes an ESP8266 image that reaches a device',
    async () => {
      await using t = await stage()
      const { hub, ada, lamp } = t
      await using device = await deviceClient(hub, ada, lamp)
      await device.subscribe(['ada/devices/lamp/deployment'])
      const answer = await send(
        ada,
        zipOf([
          { name: 'src/', mode: 0o040755 },
          { name: 'src/blink.c', data: `#define VERSION 1\n${blink.toString()}` }
        ])
      )
      expect(answer).toEqual({ status: 202, body: { id: expect.any(Number) } })

      const built = await whenOver(t, answer)
      expect(built).toMatchObject({ status: 'success', failure: null, log: expect.stringContaining('xtensa-lx106-elf-gcc') })
      const [id = 0] = built.deployments
      const told = JSON.parse((await device.next()).payload) as { id: number; sha256: string; size: number }
      expect(told.id).toBe(id)
      const image = Buffer.from(await (await hub.send(`GET /devices/${lamp.secret}/image`)).arrayBuffer())
      expect([image.length, createHash('sha256').update(image).digest('hex')]).toEqual([told.size, told.sha256])
      // ELF for a 32-bit little-endian machine, linked, for Xtensa.
      expect([image.subarray(0, 6).toString('hex'), image.readUInt16LE(16), image.readUInt16LE(18)]).toEqual([
        '7f454c460101',
        2,
        94
      ])
      await engine.empty()
    },
    longest
  )

  test(
    'every image becomes a deployment of one group, for the tag',
    async () => {
      await using t = await stage({ BUILDER_IMAGE_ESP8266: busybox })
      const { ada, lamp, hub } = t
      await engine.importImage('localhost/two', `${engine.folder}/busybox`, [
        'ENV PATH=/bin',
        'CMD ["sh", "-c", "echo one > /out/a.esp8266.image; echo two > /out/b.esp8266.image; echo no > /out/c.esp32.image; ls /src; cat main.c"]'
      ])
      await using other = await stage({ BUILDER_IMAGE_ESP8266: 'localhost/two' })
      const answer = await send(other.ada, zipOf([{ name: 'main.c', data: 'hello' }]), { tag: 'kitchen' })
      const built = await whenOver(other, answer)
      const newest = String(built.deployments.at(-1))
      expect(built).toMatchObject({ status: 'success', tag: 'kitchen', deployments: [expect.any(Number), expect.any(Number)] })
      expect(built.log).toBe('main.c\nhello')
      expect((await other.hub.call(`PUT /devices/${other.lamp.secret}/heartbeat?status=ready`)).body).toBe('X')
      await other.ada.call('POST /ada/devices/lamp', { tag: 'kitchen' })
      expect((await other.hub.call(`PUT /devices/${other.lamp.secret}/heartbeat?status=ready`)).body).toBe(newest)
      // Nobody else's build is to be seen, and what is not there is 404.
      expect(await ada.call(`GET /ada/apps/blinker/builds/${built.id + 7}`)).toEqual({
        status: 404,
        body: { error: 'Build not found', reasons: [] }
      })
      expect((await ada.call('GET /ada/apps/blinker/builds/1e3')).status).toBe(404)
      expect((await hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=ready`)).body).toBe('X')
    },
    longest
  )

  test(
    'a source that does not compile fails, and its owner reads why',
    async () => {
      await using t = await stage()
      const built = await whenOver(
        t,
        await send(t.ada, zipOf([{ name: 'main.c', data: 'int main( {' }]), { path: '/ada/apps/blinker/builds' })
      )
      expect(built).toMatchObject({ status: 'failure', deployments: [] })
      expect(built.failure).toMatch(/^The command exited with status \d+$/)
      expect(built.log).toContain('main.c:1:')
      expect(built.log).toEndWith(`Failed: ${built.failure}\n`)
      const nothing = await whenOver(t, await send(t.ada, zipOf([{ name: 'build.sh', data: 'echo done' }])))
      expect(nothing).toMatchObject({
        status: 'failure',
        failure: 'The build left no *.esp8266.image in /out',
        log: expect.stringContaining('done\n')
      })
    },
    longest
  )

  const twice: ZipEntry[] = [{ name: 'a.c' }, { name: 'a.c' }]
  test.each<[string, ZipEntry[] | Uint8Array<ArrayBuffer>, string]>([
    ['no archive', new Uint8Array(1000), 'source_file is not a zip archive that can be unpacked'],
    ['an archive without entries', [], 'source_file is empty'],
    ['a path outside', [{ name: '../main.c' }], 'invalid relative path: ../main.c'],
    ['a path outside, further in', [{ name: 'a/../../main.c' }], 'invalid relative path'],
    ['a path outside with backslashes', [{ name: '..\\main.c' }], 'invalid relative path'],
    ['an absolute path', [{ name: '/etc/passwd' }], 'absolute path: /etc/passwd'],
    ['a drive', [{ name: 'C:\\main.c' }], 'absolute path'],
    ['a newline in a name', [{ name: 'a\nb.c' }], 'source_file has an entry with control characters in its name: "a\\nb.c"'],
    [
      'a symbolic link',
      [{ name: 'link', data: '/etc/passwd', mode: 0o120777 }],
      'source_file has an entry that is neither a file nor a folder: "link"'
    ],
    ['a device', [{ name: 'null', mode: 0o020666 }], 'neither a file nor a folder'],
    ['an encrypted entry', [{ name: 'a.c', flags: 1 }], 'source_file has an encrypted entry'],
    ['two entries of one name', twice, 'source_file has two entries of one name: "a.c"'],
    [
      '100,000 entries',
      Array.from({ length: 100_000 }, (_, i) => ({ name: `${i}.c` })),
      'source_file has more than 10000 entries'
    ],
    [
      'a bomb by ratio',
      [{ name: 'a.c', data: new Uint8Array(20_000_000) }],
      'source_file unpacks to more than 100 times its size'
    ],
    ['a bomb by size', [{ name: 'a.c', claims: 4_000_000_000 }], 'source_file unpacks to more than 268435456 bytes']
  ])('refuses %s, and leaves nothing of it', async (_what, given, reason) => {
    await using t = await stage()
    const answer = await send(t.ada, given instanceof Uint8Array ? given : zipOf(given))
    expect(answer).toEqual({ status: 422, body: { error: 'Validation failed', reasons: [expect.stringContaining(reason)] } })
    expect((await t.ada.call('GET /ada/apps/blinker/builds/1')).status).toBe(404)
  })

  test('is refused to whoever has left the team while the source was under way', async () => {
    await using t = await stage()
    const grace = await t.hub.user('grace')
    await t.ada.call('PUT /teams/ada/members/grace', { role: 'member' })
    const upload = new TransformStream<Uint8Array, Uint8Array>()
    const headers = { 'content-type': 'application/octet-stream' }
    const answer = grace.call('POST /ada/apps/blinker/builds', undefined, { raw: upload.readable, headers })
    const writer = upload.writable.getWriter()
    await writer.write(zipOf([{ name: 'a.c' }]))
    await until(async () => (await t.hub.stored()).length === 1, 'the upload to begin')
    await t.ada.call('DELETE /teams/ada/members/grace')
    await writer.close()
    expect((await answer).status).toBe(403)
    expect((await t.ada.call('GET /ada/apps/blinker/builds/1')).status).toBe(404)
  })

  test('an archive that unpacks to more than it says fails while it is unpacked', async () => {
    await using t = await stage()
    const built = await whenOver(t, await send(t.ada, zipOf([{ name: 'a.c', data: 'x'.repeat(5000), claims: 10 }])))
    expect(built).toMatchObject({
      status: 'failure',
      failure: expect.stringContaining('The source cannot be unpacked: too many bytes in the stream')
    })
  })

  test('lists what is missing or wrong', async () => {
    await using t = await stage({ SOURCE_MAX_BYTES: '2000' })
    const form = new FormData()
    form.set('tag', 'x'.repeat(65))
    const sent = (raw: FormData) => t.ada.call('POST /apps/blinker/builds', undefined, { raw })
    expect(await sent(form)).toMatchObject({
      status: 422,
      body: { reasons: ['tag must be null or a text of at most 64 characters'] }
    })
    form.delete('tag')
    form.set('other', 'x')
    expect(await sent(form)).toMatchObject({ status: 422, body: { reasons: ['source_file is required'] } })
    expect(await send(t.ada, new Uint8Array(2001))).toEqual({ status: 413, body: { error: 'More than 2000 bytes', reasons: [] } })
    expect((await send(t.ada, new Uint8Array(9), { path: '/apps/ghost/builds' })).status).toBe(404)
  })

  test('is not available on a hub without a builder image', async () => {
    await using t = await stage({ BUILDER_IMAGE_ESP8266: '' })
    expect(await send(t.ada, zipOf([{ name: 'main.c' }]))).toEqual({
      status: 503,
      body: { error: 'No builder image is configured for esp8266', reasons: [] }
    })
  })
})
