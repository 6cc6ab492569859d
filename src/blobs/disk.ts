import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, statSync, unlinkSync, utimesSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tooLarge } from '../lib/errors.ts'
import { newId } from '../lib/secrets.ts'
import { createBlocks } from './blocks.ts'

/** What is known of stored bytes: digests in hex, size in bytes. */
export type Blob = { sha256: string; md5: string; size: number }

/** Bytes received but not stored yet, in a file at `path`: kept by `keep`, gone with `discard`. */
export type StagedBlob = Blob & { path: string; keep(): Promise<void>; discard(): Promise<void> }

export type BlobStore = ReturnType<typeof createDiskStore>

/** Content-addressed bytes under `folder`: written once under their SHA-256, never changed. */
export function createDiskStore(folder: string) {
  const incoming = join(folder, 'incoming')
  const pathOf = (sha256: string) => join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)

  return {
    /** Makes the folders, and clears what an earlier process had not finished receiving. */
    async prepare() {
      await rm(incoming, { recursive: true, force: true })
      await mkdir(incoming, { recursive: true })
    },

    /** Streams bytes to disk while their digests are computed; past `limit` bytes it throws `tooLarge` and leaves nothing. */
    async stage(source: AsyncIterable<Uint8Array>, limit: number): Promise<StagedBlob> {
      const path = join(incoming, newId())
      const discard = () => rm(path, { force: true })
      try {
        const blob = await writeOut(path, source, limit)
        return { ...blob, path, discard, keep: async () => moveIntoPlace(path, pathOf(blob.sha256)) }
      } catch (error) {
        await discard()
        throw error
      }
    },

    /** The bytes as a file: read whole, or in part by `slice(start, end)`. */
    file: (sha256: string) => Bun.file(pathOf(sha256)),

    /** The names of all stored bytes, a folder at a time. */
    async *names() {
      for (const first of (await readdir(folder)).filter((name) => name.length === 2)) {
        for (const second of await readdir(join(folder, first))) yield await readdir(join(folder, first, second))
      }
    },

    /** Removes bytes that nobody stored again since `before`. One step for this process: a store of the same bytes cannot come between. */
    removeIfOlder(sha256: string, before: Date) {
      const path = pathOf(sha256)
      const storedAt = statSync(path, { throwIfNoEntry: false })?.mtime
      if (!storedAt || storedAt >= before) return false
      unlinkSync(path)
      return true
    }
  }
}

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

function moveIntoPlace(from: string, to: string) {
  mkdirSync(dirname(to), { recursive: true })
  const now = new Date()
  utimesSync(from, now, now) // bytes stored again count as new for the sweep
  renameSync(from, to)
  for (const folder of [dirname(to), dirname(dirname(to)), dirname(dirname(dirname(to)))]) syncFolder(folder)
}

/** A rename is durable only once its folder is, and a new folder once its parent is. */
function syncFolder(path: string) {
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}
