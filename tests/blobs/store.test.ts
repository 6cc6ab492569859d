import { describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { emptyStore, inChunks, kinds } from '../support/stores.ts'

const MiB = 1024 * 1024
const bytes = randomBytes(3 * MiB + 7)
const hour = 60 * 60_000

describe.each(kinds)('bytes on %s', (kind) => {
  test.each([[[MiB]], [[MiB - 1, 3]], [[1, 700_000]], [[64 * 1024]], [[5 * MiB]]])(
    'come out as they went in, in chunks of %p',
    async (sizes) => {
      await using t = await emptyStore(kind)
      const staged = await t.store.stage(inChunks(sizes, bytes), bytes.length)
      await staged.keep()
      const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex')
      expect(staged).toMatchObject({ size: bytes.length, sha256: digest('sha256'), md5: digest('md5') })
      expect((await t.get(staged.sha256, 0, bytes.length - 1)).equals(bytes)).toBe(true)
      expect(await t.store.sizeOf(staged.sha256)).toBe(bytes.length)
      expect(await t.left()).toEqual([])
    }
  )

  test('come out when they are more than one part of an upload', async () => {
    await using t = await emptyStore(kind)
    const many = randomBytes(17 * MiB + 1)
    const sha256 = await t.put(many)
    expect((await t.get(sha256, 0, many.length - 1)).equals(many)).toBe(true)
  })

  test('may be none', async () => {
    await using t = await emptyStore(kind)
    const sha256 = await t.put(Buffer.alloc(0))
    expect([await t.store.sizeOf(sha256), (await t.get(sha256, 0, -1)).length]).toEqual([0, 0])
  })

  test.each([
    [0, 0],
    [0, 4095],
    [MiB - 1, MiB],
    [MiB, bytes.length - 1],
    [bytes.length - 1, bytes.length - 1]
  ])('are read in part, from %p to %p', async (start, end) => {
    await using t = await emptyStore(kind)
    const sha256 = await t.put(bytes)
    expect((await t.get(sha256, start, end)).equals(bytes.subarray(start, end + 1))).toBe(true)
  })

  test('leave nothing where there are too many of them, or where their source breaks off', async () => {
    await using t = await emptyStore(kind)
    expect(await t.store.stage(inChunks([100_000], bytes), bytes.length - 1).catch(({ kind: why }) => why)).toBe('tooLarge')
    async function* broken() {
      yield* inChunks([100_000], bytes)
      throw new Error('gone')
    }
    expect(await t.store.stage(broken(), 2 * bytes.length).catch(({ message }) => message)).toBe('gone')
    expect([await t.left(), await t.stored()]).toEqual([[], []])
  })

  test('are there once kept, and not before; discarded they were never there', async () => {
    await using t = await emptyStore(kind)
    const kept = await t.store.stage(inChunks([MiB], bytes), bytes.length)
    const discarded = await t.store.stage(inChunks([MiB], bytes.subarray(1)), bytes.length)
    expect([await t.store.sizeOf(kept.sha256), await t.stored()]).toEqual([undefined, []])
    await kept.keep()
    await kept.keep() // again is as good as once
    await discarded.discard()
    await kept.discard()
    expect([await t.stored(), await t.left()]).toEqual([[kept.sha256], []])
  })

  test('that are equal are stored once, however often and at once they come', async () => {
    await using t = await emptyStore(kind)
    const put = await Promise.all([t.put(bytes), t.put(bytes), t.put(bytes)])
    expect(await t.stored()).toEqual([...new Set(put)])
    expect((await t.get(put[0] ?? '', 0, bytes.length - 1)).equals(bytes)).toBe(true)
  })

  test('that were never stored are not there, and cannot be read', async () => {
    await using t = await emptyStore(kind)
    const sha256 = '0'.repeat(64)
    expect(await t.store.sizeOf(sha256)).toBeUndefined()
    expect(await t.get(sha256, 0, 9).catch(() => 'not there')).toBe('not there')
    expect(await t.store.removeIfOlder(sha256, new Date())).toBe(false)
  })

  test('go when they are older than a time, unless they were stored again since', async () => {
    await using t = await emptyStore(kind)
    const old = await t.put(Buffer.from('old'))
    const other = await t.put(Buffer.from('other'))
    const inAnHour = new Date(Date.now() + hour)
    const anHourAgo = new Date(Date.now() - hour)
    expect(await t.store.removeIfOlder(old, anHourAgo)).toBe(false)
    expect(await t.store.removeIfOlder(old, inAnHour)).toBe(true)
    expect(await t.stored()).toEqual([other])
    await t.put(Buffer.from('old'))
    expect(await t.store.removeIfOlder(old, anHourAgo)).toBe(false)
    expect((await t.get(old, 0, 2)).toString()).toBe('old')
  })

  test('are in a store that says it is well', async () => {
    await using t = await emptyStore(kind)
    expect(await t.store.check()).toBeUndefined()
  })
})
