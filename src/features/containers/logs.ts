import type { Blobs } from '../blobs/service.ts'
import type { Mirrors } from './mirrors.ts'
import type { Spools } from './spools.ts'

const pageBytes = 64 * 1024

type Stored = { logSha256: string | null; logSize: number | null; node: string | null }
type Source = { spools: Spools; mirrors: Mirrors; hubId: string; blobs: Blobs; run: string; stored: Stored }

/** The log of a run, wherever it is: while it is under way, in its spool, here or at another hub; after that in the store of bytes. */
export function readLog({ spools, mirrors, hubId, blobs, run, stored: { logSha256: sha256, logSize: stored, node } }: Source) {
  const size = stored ?? 0
  const underWay = () => spools.of(run) ?? (node === null || node === hubId ? undefined : mirrors.of(run))

  async function read(offset: number, most: number): Promise<Uint8Array> {
    if (sha256 === null) return (await underWay()?.read(offset, most)) ?? new Uint8Array()
    if (offset >= size) return new Uint8Array()
    const part = await blobs.part({ sha256, size }, offset, Math.min(size, offset + most) - 1)
    return new Response(part).bytes()
  }

  const total = async () => (sha256 === null ? ((await underWay()?.size()) ?? 0) : size)
  return {
    /** Whether it is complete. */
    isComplete: sha256 !== null,
    /** Up to 64 KiB from an offset on. */
    page: (offset: number) => read(offset, pageBytes),
    /** Its last bytes. */
    async last(most: number) {
      const end = await total()
      const parts: Uint8Array[] = []
      for (let at = Math.max(0, end - most); at < end; ) {
        const part = await read(at, end - at)
        if (part.byteLength === 0) break
        parts.push(part)
        at += part.byteLength
      }
      return Buffer.concat(parts)
    }
  }
}
