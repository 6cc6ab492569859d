import { createSlots } from '../lib/slots.ts'
import type { BlobStore } from './store.ts'

const atOnce = 4

/** How far a copy has come: blobs copied, with their bytes, and there already, of how many there are; and those that are not what their name says. */
export type CopyProgress = { total: number; copied: number; bytes: number; present: number; damaged: string[] }

type Copy = { from: BlobStore; to: BlobStore; onProgress?: (progress: CopyProgress) => void }

/**
 * Copies all bytes from one store to another. The digest of each blob is computed anew on the way, and one that is not what
 * its name says is left out and named. What is there already is not copied again: a copy that broke off goes on where it was.
 */
export async function copyBlobs({ from, to, onProgress = () => {} }: Copy): Promise<CopyProgress> {
  const progress: CopyProgress = { total: await count(from), copied: 0, bytes: 0, present: 0, damaged: [] }
  const slots = createSlots(atOnce)
  const stop = new AbortController()

  async function copyOne(sha256: string) {
    const outcome = await copied({ from, to }, sha256)
    if (outcome === 'present') progress.present++
    else if (outcome === 'damaged') progress.damaged.push(sha256)
    else if (outcome !== 'gone') {
      progress.copied++
      progress.bytes += outcome.size
    }
    onProgress(progress)
  }

  for await (const sha256s of from.names()) {
    const all = sha256s.map((sha256) => slots.use(stop.signal, () => copyOne(sha256)))
    try {
      await Promise.all(all)
    } catch (error) {
      stop.abort(error)
      await Promise.allSettled(all)
      throw error
    }
  }
  return progress
}

async function count(store: BlobStore) {
  let total = 0
  for await (const sha256s of store.names()) total += sha256s.length
  return total
}

async function copied({ from, to }: { from: BlobStore; to: BlobStore }, sha256: string) {
  const size = await from.sizeOf(sha256)
  if (size === undefined) return 'gone' // swept meanwhile
  if ((await to.sizeOf(sha256)) === size) return 'present'
  const staged = await to.stage(await from.read(sha256, 0, size - 1), size)
  try {
    if (staged.sha256 !== sha256) return 'damaged'
    await staged.keep()
    return { size }
  } finally {
    await staged.discard()
  }
}
