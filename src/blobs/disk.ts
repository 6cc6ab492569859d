import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, statSync, unlinkSync, utimesSync } from 'node:fs'
import { readdir, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { noRoom } from '../lib/failures.ts'
import { createIncoming } from './incoming.ts'
import type { BlobStore } from './store.ts'

const leastRoom = 1024 * 1024

/** Bytes as files under `folder`, durable once kept. */
export function createDiskStore(folder: string): BlobStore {
  const incoming = createIncoming(join(folder, 'incoming'))
  const pathOf = (sha256: string) => join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)

  return {
    prepare: incoming.prepare,

    stage: (source, limit) => incoming.receive(source, limit, ({ path, sha256 }) => moveIntoPlace(path, pathOf(sha256))),

    async sizeOf(sha256) {
      const file = Bun.file(pathOf(sha256))
      return (await file.exists()) ? file.size : undefined
    },

    read: (sha256, start, end) =>
      Bun.file(pathOf(sha256))
        .slice(start, end + 1)
        .stream(),

    async *names() {
      for (const first of (await readdir(folder)).filter((name) => name.length === 2)) {
        for (const second of await readdir(join(folder, first))) yield await readdir(join(folder, first, second))
      }
    },

    // One step for this process, which has the folder for itself: a store of the same bytes cannot come between.
    removeIfOlder(sha256, before) {
      const path = pathOf(sha256)
      const storedAt = statSync(path, { throwIfNoEntry: false })?.mtime
      if (!storedAt || storedAt >= before) return false
      unlinkSync(path)
      return true
    },

    async check() {
      const { bavail, bsize } = await statfs(folder)
      if (bavail * bsize < leastRoom) throw noRoom()
    }
  }
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
