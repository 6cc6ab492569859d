const piecesAtMost = 32
const wasteAtMost = 16 * 1024

/** Bytes that have arrived and were not read yet, in the pieces in which they came; of the first, those before `from` are read. */
export type Unread = { pieces: Buffer[]; from: number; length: number }

/** Adds a chunk. Many small pieces become one: each of a byte would cost a hundred times that. */
export function append(unread: Unread | undefined, chunk: Buffer): Unread {
  if (!unread) return { pieces: [chunk], from: 0, length: chunk.length }
  unread.pieces.push(chunk)
  unread.length += chunk.length
  return unread.pieces.length > piecesAtMost ? inOnePiece(unread) : unread
}

/** One of the next bytes; undefined where that has not come yet. */
export function byteAt({ pieces, from }: Unread, index: number) {
  let at = from + index
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] ?? nothing
    if (at < piece.length) return piece[at]
    at -= piece.length
  }
  return undefined
}

/** Takes out the next bytes, of which there must be so many: as a part of the piece that they lie in, if they do. */
export function take(unread: Unread, count: number): Buffer {
  const { pieces, from } = unread
  const first = pieces[0] ?? nothing
  const taken = from + count <= first.length ? first.subarray(from, from + count) : gathered(unread, count)
  unread.from += count
  unread.length -= count
  while (pieces[0] && unread.from >= pieces[0].length) unread.from -= pieces.shift()?.length ?? 0
  return taken
}

/** The same, no longer at the end of a large chunk that would be kept in memory for it. */
export const compact = (unread: Unread) => (sizeOf(unread) > 2 * unread.length + wasteAtMost ? inOnePiece(unread) : unread)

const nothing = Buffer.alloc(0)

const sizeOf = ({ pieces }: Unread) => pieces.reduce((sum, piece) => sum + piece.length, 0)

const inOnePiece = (unread: Unread): Unread => ({ pieces: [gathered(unread, unread.length)], from: 0, length: unread.length })

function gathered({ pieces, from }: Unread, count: number) {
  const bytes = Buffer.allocUnsafeSlow(count)
  let [at, skip] = [0, from]
  for (const piece of pieces) {
    at += piece.copy(bytes, at, skip)
    skip = 0
  }
  return bytes
}
