import { describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createS3Store, type S3Settings } from '../../src/blobs/s3.ts'
import { createLog } from '../../src/lib/log.ts'
import { within } from '../support/mqtt.ts'
import { freshBucket, hasS3, wayToS3 } from '../support/s3.ts'

const MiB = 1024 * 1024
const bytes = randomBytes(12 * MiB)
const sha256 = createHash('sha256').update(bytes).digest('hex')
const patience = { answer: 1000, silence: 2000, bytesPerSecond: 100 * MiB, sweep: 500 }

async function storeOver(settings: S3Settings, longest: Partial<typeof patience> = {}) {
  const incoming = await mkdtemp(join(tmpdir(), 'updraft-incoming-'))
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const store = createS3Store({ settings, incoming, log, patience: longest })
  return {
    store,
    stage: (content = bytes) => store.stage(new Blob([content]).stream(), content.length),
    get: async (name: string, start: number, end: number) => new Response(await store.read(name, start, end)).bytes(),
    left: () => readdir(incoming),
    logged: () => lines.join(''),
    [Symbol.asyncDispose]: () => rm(incoming, { recursive: true, force: true })
  }
}

/** A store over a way to S3 that can be made worse. */
async function shakyStore() {
  const bucket = await freshBucket()
  const way = await wayToS3(bucket.settings.endpoint)
  const t = await storeOver({ ...bucket.settings, endpoint: way.endpoint }, patience)
  await t.store.prepare()
  return {
    ...t,
    ...bucket,
    way,
    async [Symbol.asyncDispose]() {
      await t[Symbol.asyncDispose]()
      await way[Symbol.asyncDispose]()
    }
  }
}

/** Resolves once an object is there. */
async function untilThere(bucket: { exists(key: string): Promise<boolean> }, key: string) {
  while (!(await bucket.exists(key))) await Bun.sleep(20)
}

const kindOf = (work: Promise<unknown>) =>
  within(work, 'an answer', 10_000).then(
    () => 'done',
    ({ kind }) => kind
  )

describe.skipIf(!hasS3())('the S3 store', () => {
  test.each(['refusing', 'silent'] as const)(
    'says that it is not available while S3 is %s, and is by itself when S3 is',
    async (how) => {
      await using t = await shakyStore()
      const staged = await t.stage()
      t.way.become(how)
      const asked: Promise<unknown>[] = [
        staged.keep(),
        t.store.sizeOf(sha256),
        t.store.check(),
        (async () => t.store.removeIfOlder(sha256, new Date()))(),
        (async () => t.store.read(sha256, 0, 9))(),
        Array.fromAsync(t.store.names())
      ]
      expect(await Promise.all(asked.map(kindOf))).toEqual(asked.map(() => 'unavailable'))
      t.way.become('open')
      expect([await kindOf(t.store.check()), await t.store.sizeOf(sha256)]).toEqual(['done', undefined])
      await staged.keep()
      expect([await t.store.sizeOf(sha256), await t.left()]).toEqual([bytes.length, []])
    }
  )

  test('has nothing of bytes whose upload was cut off', async () => {
    await using t = await shakyStore()
    const staged = await t.stage()
    t.way.become({ cutAfter: 100 }) // in the first answer: parts have been sent by then
    expect(await kindOf(staged.keep())).toBe('unavailable')
    expect([await t.client.exists(`blobs/${sha256}`), await t.left()]).toEqual([false, [staged.path.split('/').at(-1) ?? '']])
    await staged.discard()
    expect(await t.left()).toEqual([])
  })

  test.each([['cut off', { cutAfter: 5 * MiB }] as const])(
    'breaks a read that is %s, and never ends it as if it were whole',
    async (_, way) => {
      await using t = await shakyStore()
      await (await t.stage()).keep()
      t.way.become(way)
      const reader = (await t.store.read(sha256, 0, bytes.length - 1)).getReader()
      let came = 0
      const broke = await (async () => {
        for (;;) {
          const { done, value } = await reader.read()
          if (done) return 'ended'
          came += value.byteLength
        }
      })().catch(() => 'broken')
      expect([broke, came < bytes.length]).toEqual(['broken', true])
    }
  )

  test('breaks a read of an object that has become shorter', async () => {
    await using t = await shakyStore()
    await (await t.stage()).keep()
    await t.client.write(`blobs/${sha256}`, new Response(bytes.subarray(0, MiB)))
    for (const end of [bytes.length - 1, 2 * MiB]) expect(await kindOf(t.get(sha256, 0, end))).toBe('unavailable')
  })

  test('reads no more of an object than is asked for', async () => {
    await using t = await shakyStore()
    await (await t.stage()).keep()
    t.way.become({ cutAfter: MiB }) // the other 11 do not go through
    const part = await new Response(await t.store.read(sha256, 5 * MiB, 5 * MiB + 99_999)).bytes()
    expect(Buffer.from(part).equals(bytes.subarray(5 * MiB, 5 * MiB + 100_000))).toBe(true)
  })

  test('lists all there is, however much', async () => {
    await using t = await shakyStore()
    const names = Array.from({ length: 1005 }, (_, n) => n.toString(16).padStart(64, '0'))
    for (let at = 0; at < names.length; at += 67)
      await Promise.all(names.slice(at, at + 67).map((name) => t.client.write(`blobs/${name}`, 'x')))
    expect((await Array.fromAsync(t.store.names())).flat()).toEqual(names)
  })

  test('starts while S3 is away, but not where it never may write', async () => {
    await using t = await shakyStore()
    t.way.become('refusing')
    await t.store.prepare()
    const wrong: [Partial<S3Settings>, string][] = [
      [{ bucket: 'not-there' }, 'there is no such bucket (NoSuchBucket)'],
      [{ accessKeyId: 'nobody' }, 'S3_ACCESS_KEY_ID is not known there (InvalidAccessKeyId)'],
      [{ secretAccessKey: 'another secret' }, 'S3_SECRET_ACCESS_KEY is wrong, or S3_REGION is (SignatureDoesNotMatch)']
    ]
    for (const [settings, why] of wrong) {
      const given = { ...t.settings, ...settings }
      await using other = await storeOver(given)
      expect(await other.store.prepare().catch(({ message }) => message)).toBe(
        `the S3 bucket ${given.bucket} cannot be used: ${why}`
      )
    }
  })

  test('says in the log what S3 answered, and nothing of the key', async () => {
    await using t = await shakyStore()
    const secrets = { accessKeyId: 'nobody-by-that-name', secretAccessKey: 'a secret of nobody' }
    await using other = await storeOver({ ...t.settings, ...secrets })
    expect(await kindOf(Array.fromAsync(other.store.names()))).toBe('unavailable')
    expect(other.logged()).toContain('InvalidAccessKeyId')
    for (const secret of Object.values(secrets)) expect(other.logged()).not.toContain(secret)
  })
})

describe.skipIf(!hasS3())('bytes that one hub stores again while another sweeps', () => {
  test('are written anew where the sweep has removed them after all', async () => {
    await using t = await shakyStore()
    const staged = await t.stage(Buffer.from('small'))
    const [object, mark] = [`blobs/${staged.sha256}`, `sweeping/${staged.sha256}`]
    await t.client.write(mark, 'x')
    let isDone = false
    const kept = (async () => {
      await staged.keep()
      isDone = true
    })()
    await untilThere(t.client, object)
    for (let asked = 0; asked < 20; asked++) await t.client.stat(object) // meanwhile it could have ended
    expect(isDone).toBe(false)
    await t.client.delete(object)
    await t.client.delete(mark)
    await kept
    expect(await t.store.sizeOf(staged.sha256)).toBe(5)
  })

  test('do not wait for ever for a sweep that has died', async () => {
    await using t = await shakyStore()
    await t.client.write(`sweeping/${sha256}`, 'x')
    await (await t.stage()).keep()
    expect([await t.store.sizeOf(sha256), await t.client.exists(`sweeping/${sha256}`)]).toEqual([bytes.length, false])
  })

  test('are there after any number of both at once', async () => {
    await using t = await shakyStore()
    await using other = await storeOver(t.settings)
    const contents = Array.from({ length: 10 }, (_, n) => Buffer.from(`small ${n}`))
    for (const content of contents) await (await t.stage(content)).keep()
    const before = new Date(Math.ceil(Date.now() / 1000) * 1000) // S3 tells of whole seconds
    await Bun.sleep(before.getTime() - Date.now() + 10)
    for (const content of contents) {
      const again = await other.stage(content)
      await Promise.all([t.store.removeIfOlder(again.sha256, before), again.keep()])
      expect([content, await t.store.sizeOf(again.sha256)]).toEqual([content, content.length])
    }
  })
})
