import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { tooLarge } from '../lib/errors.ts'
import { noRoom } from '../lib/failures.ts'
import { newId } from '../lib/secrets.ts'
import { createBlocks } from './blocks.ts'
import type { Blob, StagedBlob } from './store.ts'

/** Puts what was received where it belongs. */
type Store = (received: Blob & { path: string }) => void | Promise<void>

/** Where bytes are received, on this machine's disk whatever the store: only once they are all there is it known under which name they belong. */
export function createIncoming(folder: string) {
  return {
    /** Makes the folder, and clears what an earlier process had not finished receiving. */
    async prepare() {
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder, { recursive: true })
    },

    /** Streams bytes to a file while their digests are computed; past `limit` bytes it throws `tooLarge` and leaves nothing. */
    async receive(source: AsyncIterable<Uint8Array>, limit: number, store: Store): Promise<StagedBlob> {
      const path = join(folder, newId())
      const discard = () => rm(path, { force: true })
      try {
        const received = { ...(await writeOut(path, source, limit)), path }
        return { ...received, keep: onceDone(async () => store(received)), discard }
      } catch (error) {
        await discard()
        throw isFull(error) ? noRoom() : error
      }
    }
  }
}

/** Work that is not done again once it has succeeded. */
function onceDone(work: () => Promise<void>) {
  let done = false
  return async () => {
    if (!done) await work()
    done = true
  }
}

const isFull = (error: unknown) => error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code))

async function writeOut(path: string, source: AsyncIterable<Uint8Array>, limit: number): Promise<Blob> {
  const sha256 = createHash('sha256')
  const md5 = createHash('md5')
  let size = 0
  await using file = await open(path, 'wx', 0o600)
  const blocks = createBlocks((bytes) => writeAll(file, bytes))
  try {
    for await (const chunk of source) {
      size += chunk.byteLength
      if (size > limit) throw tooLarge(`More than ${limit} bytes`)
      sha256.update(chunk)
      md5.update(chunk)
      await blocks.add(chunk)
    }
    await blocks.end()
  } finally {
    await blocks.idle()
  }
  await file.sync()
  return { sha256: sha256.digest('hex'), md5: md5.digest('hex'), size }
}

/** The system may take less at a time than it is given. */
async function writeAll(file: FileHandle, bytes: Uint8Array) {
  for (let written = 0; written < bytes.byteLength; ) written += (await file.write(bytes, written)).bytesWritten
}
