import type { Blobs } from '../blobs/service.ts'
import type { Spools } from './spools.ts'

const pageBytes = 64 * 1024

type Stored = { logSha256: string | null; logSize: number | null }
type Source = { spools: Spools; blobs: Blobs; run: string; stored: Stored }

/** The log of a run, wherever it is: in its spool while it is under way, in the store of bytes after that. */
export function readLog({ spools, blobs, run, stored: { logSha256: sha256, logSize: size } }: Source) {
  const spool = spools.of(run)

  async function read(offset: number, most: number): Promise<Uint8Array> {
    if (sha256 === null || size === null) return spool?.read(offset, most) ?? new Uint8Array()
    if (offset >= size) return new Uint8Array()
    const part = await blobs.part({ sha256, size }, offset, Math.min(size, offset + most) - 1)
    return new Response(part).bytes()
  }

  const total = () => (sha256 === null ? (spool?.size() ?? 0) : (size ?? 0))
  return {
    /** Whether it is complete. */
    isComplete: sha256 !== null,
    /** Up to 64 KiB from an offset on. */
    page: (offset: number) => read(offset, pageBytes),
    /** Its last bytes. */
    last: (most: number) => read(Math.max(0, total() - most), most)
  }
}
