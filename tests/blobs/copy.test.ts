import { describe, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { copyBlobs } from '../../src/blobs/copy.ts'
import { emptyStore, type Kind, kinds } from '../support/stores.ts'

const contents = Array.from({ length: 12 }, (_, n) => Buffer.from(`content ${n}`))
const ways = kinds.map((to): [Kind, Kind] => ['disk', to])
if (kinds.includes('S3')) ways.push(['S3', 'disk'])

describe.each(ways)('bytes copied from %s to %s', (source, target) => {
  test('are there afterwards, each as its name says', async () => {
    await using from = await emptyStore(source)
    await using to = await emptyStore(target)
    for (const content of contents) await from.put(content)
    await from.put(Buffer.alloc(0))
    let told = 0
    const done = await copyBlobs({ from: from.store, to: to.store, onProgress: () => void told++ })
    const bytes = contents.reduce((sum, { length }) => sum + length, 0)
    expect(done).toEqual({ total: 13, copied: 13, bytes, present: 0, damaged: [] })
    expect(told).toBe(13)
    expect(await to.stored()).toEqual(await from.stored())
    for (const sha256 of await to.stored()) {
      const size = (await to.store.sizeOf(sha256)) ?? -1
      expect(Bun.SHA256.hash(await to.get(sha256, 0, size - 1), 'hex')).toBe(sha256)
    }
    expect([await to.left(), await from.left()]).toEqual([[], []])
  })

  test('are not copied again', async () => {
    await using from = await emptyStore(source)
    await using to = await emptyStore(target)
    for (const content of contents) await from.put(content)
    for (const content of contents.slice(0, 5)) await to.put(content)
    expect(await copyBlobs({ from: from.store, to: to.store })).toMatchObject({ total: 12, copied: 7, present: 5 })
    expect(await copyBlobs({ from: from.store, to: to.store })).toMatchObject({ total: 12, copied: 0, present: 12 })
  })
})

test('bytes that are not what their name says are left out and named', async () => {
  await using from = await emptyStore('disk')
  await using to = await emptyStore('disk')
  const [good, bad] = [await from.put(Buffer.from('good')), await from.put(Buffer.from('bad'))]
  await writeFile(join(from.folder, bad.slice(0, 2), bad.slice(2, 4), bad), 'not')
  expect(await copyBlobs({ from: from.store, to: to.store })).toMatchObject({ copied: 1, damaged: [bad] })
  expect([await to.stored(), await to.left()]).toEqual([[good], []])
})
