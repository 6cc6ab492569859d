import type { Requests } from './s3-requests.ts'

const folder = 'sweeping/'
const between = 250

/**
 * Keep a sweep and a store of the same bytes apart, though they be of different hubs: S3 has no way to remove an object only if
 * it is still the old one. The sweep marks the bytes, looks how old they are, removes them, and takes the mark away. Who
 * stores them writes them, waits while there is a mark, and looks whether they are there still: either the sweep saw the new
 * ones, or the mark is seen. A mark whose sweep has died counts for `longest` ms, far longer than a sweep waits for S3.
 */
export function createMarks(requests: Requests, longest: number) {
  const keyOf = (sha256: string) => `${folder}${sha256}`

  return {
    /** Works under a mark. Where that fails the mark stays: what was asked of S3 may still come about. */
    async under<T>(sha256: string, work: () => Promise<T>): Promise<T> {
      await requests.put(keyOf(sha256))
      const result = await work()
      await requests.remove(keyOf(sha256))
      return result
    },

    /** Resolves when no sweep is at these bytes. */
    async gone(sha256: string) {
      const end = Date.now() + longest
      while (await requests.stat(keyOf(sha256))) {
        if (Date.now() > end) return requests.remove(keyOf(sha256))
        await Bun.sleep(between)
      }
    }
  }
}
