import { describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDiskStore } from '../../src/blobs/disk.ts'

const MiB = 1024 * 1024
const bytes = randomBytes(3 * MiB + 7)

async function disk() {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-blobs-'))
  const store = createDiskStore(folder)
  await store.prepare()
  return {
    store,
    left: () => readdir(join(folder, 'incoming')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true })
  }
}

async function* inChunks(sizes: number[], source: Buffer = bytes) {
  for (let at = 0, n = 0; at < source.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    yield source.subarray(at, at + size)
    at += size
  }
}

describe('bytes on disk', () => {
  test.each([[[MiB]], [[MiB - 1, 3]], [[1, 700_000]], [[64 * 1024]], [[5 * MiB]]])(
    'come out as they went in, in chunks of %p',
    async (sizes) => {
      await using t = await disk()
      const staged = await t.store.stage(inChunks(sizes), bytes.length)
      await staged.keep()
      const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex')
      expect(staged).toMatchObject({ size: bytes.length, sha256: digest('sha256'), md5: digest('md5') })
      expect(Buffer.from(await t.store.file(staged.sha256).bytes()).equals(bytes)).toBe(true)
      expect(await t.left()).toEqual([])
    }
  )

  test('may be none', async () => {
    await using t = await disk()
    const staged = await t.store.stage(inChunks([1], Buffer.alloc(0)), 0)
    await staged.keep()
    expect([staged.size, (await t.store.file(staged.sha256).bytes()).length]).toEqual([0, 0])
  })

  test('leave nothing where there are too many of them, or where their source breaks off', async () => {
    await using t = await disk()
    expect(await t.store.stage(inChunks([100_000]), bytes.length - 1).catch(({ kind }) => kind)).toBe('tooLarge')
    async function* broken() {
      yield* inChunks([100_000])
      throw new Error('gone')
    }
    expect(await t.store.stage(broken(), 2 * bytes.length).catch(({ message }) => message)).toBe('gone')
    expect(await t.left()).toEqual([])
  })
})
