import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDiskStore } from '../../src/blobs/disk.ts'
import { createS3Store } from '../../src/blobs/s3.ts'
import { createLog } from '../../src/lib/log.ts'
import { freshBucket, hasS3 } from './s3.ts'

const log = createLog('silent')

export type Kind = 'disk' | 'S3'

/** The kinds of store that there are to test with. */
export const kinds: Kind[] = hasS3() ? ['disk', 'S3'] : ['disk']

/** A store of bytes without any. */
export async function emptyStore(kind: Kind) {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-blobs-'))
  const incoming = join(folder, 'incoming')
  const store =
    kind === 'disk' ? createDiskStore(folder) : createS3Store({ settings: (await freshBucket()).settings, incoming, log })
  await store.prepare()
  return {
    store,
    /** Where files of the store, or what it receives, lie. */
    folder,
    /** What has been received and is neither kept nor discarded. */
    left: () => readdir(incoming),
    stored: async () => (await Array.fromAsync(store.names())).flat().toSorted(),
    put: async (content: Buffer) => {
      const staged = await store.stage(inChunks([content.length || 1], content), content.length)
      await staged.keep()
      return staged.sha256
    },
    get: async (sha256: string, start: number, end: number) =>
      Buffer.from(await new Response(await store.read(sha256, start, end)).bytes()),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true })
  }
}

/** Bytes in pieces of these sizes, over and over. */
export async function* inChunks(sizes: number[], source: Buffer) {
  for (let at = 0, n = 0; at < source.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    yield source.subarray(at, at + size)
    at += size
  }
}
