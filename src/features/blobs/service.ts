import { LRUCache } from 'lru-cache'
import type { BlobStore } from '../../blobs/store.ts'
import type { Clock } from '../../lib/clock.ts'

const hotBytes = 64 * 1024 * 1024
const hotAtMost = 8 * 1024 * 1024

/** Says which of these digests something still refers to. */
export type Referred = (sha256s: string[]) => Promise<string[]>

/** Takes the right to sweep, and gives the way to let it go; undefined while a backup has it. */
export type Sweeping = () => (() => void) | undefined

export type Blobs = ReturnType<typeof createBlobs>

/** A Blob is sent as it is, but of a slice the server makes a copy, though it be all of it. */
const cut = (bytes: Blob, start: number, end: number) => (end - start + 1 === bytes.size ? bytes : bytes.slice(start, end + 1))

/** The store of bytes as features use it: received, read in parts, and swept when nothing refers to them. */
export function createBlobs({ store, clock, sweeping }: { store: BlobStore; clock: Clock; sweeping: Sweeping }) {
  // What a fleet fetches at present is read from disk once, not once a range.
  const hot = new LRUCache<string, Blob, number>({
    maxSize: hotBytes,
    sizeCalculation: ({ size }) => Math.max(1, size),
    fetchMethod: async (sha256, _old, { context: size }) => new Blob([await whole(sha256, size)])
  })

  async function whole(sha256: string, size: number) {
    const bytes = await new Response(await store.read(sha256, 0, size - 1)).bytes()
    if (bytes.byteLength !== size) throw new Error(`The store has ${bytes.byteLength} bytes of ${sha256}, which has ${size}`)
    return bytes
  }

  async function load(sha256: string, size: number) {
    const bytes = await hot.fetch(sha256, { context: size })
    if (!bytes) throw new Error(`The bytes ${sha256} are not in the store`)
    return bytes
  }

  async function sweepBefore(referred: Referred, before: Date) {
    const unneeded = async (sha256s: string[]) => {
      const needed = new Set(await referred(sha256s))
      return sha256s.filter((sha256) => !needed.has(sha256))
    }
    let removed = 0
    for await (const sha256s of store.names()) {
      for (const sha256 of await unneeded(sha256s)) {
        const isNeeded = (await unneeded([sha256])).length === 0 // by now: the ones before may have taken their time
        if (!isNeeded && (await store.removeIfOlder(sha256, before))) removed++
      }
    }
    return removed
  }

  return {
    /** Receives bytes up to a limit; they are there for good once kept. Throws `tooLarge`. */
    stage: store.stage,

    /** Whether there are bytes of this digest. */
    has: async (sha256: string) => (await store.sizeOf(sha256)) !== undefined,

    /** The bytes from `start` to `end`, both included, of stored bytes of `size`: from memory, at once where they are in it, or streamed from the store when large. */
    part({ sha256, size }: { sha256: string; size: number }, start: number, end: number) {
      if (size > hotAtMost) return store.read(sha256, start, end)
      const kept = hot.get(sha256)
      return kept ? cut(kept, start, end) : load(sha256, size).then((bytes) => cut(bytes, start, end))
    },

    /** Removes bytes older than `grace` (ms) that nothing refers to; gives how many went. While a backup is made, none do. */
    async sweep(referred: Referred, grace: number) {
      const done = sweeping()
      if (!done) return 0
      try {
        return await sweepBefore(referred, new Date(clock.now().getTime() - grace))
      } finally {
        done()
      }
    }
  }
}
