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

/** The piece in which the next bytes lie, from `unread.from` on, and so many of them: they are put into one where they do not. */
export function whole(unread: Unread, count: number): Buffer {
  const { pieces, from } = unread
  const first = pieces[0] ?? nothing
  if (from + count <= first.length) return first
  const gathered = gather(unread, count)
  skip(unread, count)
  const [next] = pieces
  if (next) pieces[0] = next.subarray(unread.from)
  pieces.unshift(gathered)
  unread.from = 0
  unread.length += count
  return gathered
}

/**
 * Passes over bytes that were read. A large piece of which nothing is left gives its memory back at once: what the
 * collector finds in use by chance would stay until the next full collection. So nothing may refer to a part of a piece.
 */
export function skip(unread: Unread, count: number) {
  const { pieces } = unread
  unread.from += count
  unread.length -= count
  for (let first = pieces[0]; first && unread.from >= first.length; first = pieces[0]) {
    unread.from -= first.length
    pieces.shift()
    if (first.length > wasteAtMost) (first.buffer as ArrayBuffer).transfer(0)
  }
}

/** The same, no longer at the end of a large chunk that would be kept in memory for it. */
export const compact = (unread: Unread) => (sizeOf(unread) > 2 * unread.length + wasteAtMost ? inOnePiece(unread) : unread)

const nothing = Buffer.alloc(0)

const sizeOf = ({ pieces }: Unread) => pieces.reduce((sum, piece) => sum + piece.length, 0)

const inOnePiece = (unread: Unread): Unread => ({ pieces: [gather(unread, unread.length)], from: 0, length: unread.length })

function gather({ pieces, from }: Unread, count: number) {
  const bytes = Buffer.allocUnsafeSlow(count)
  let [at, skipped] = [0, from]
  for (const piece of pieces) {
    at += piece.copy(bytes, at, skipped)
    skipped = 0
  }
  return bytes
}
