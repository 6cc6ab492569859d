const wasteAtMost = 16 * 1024

/** Bytes that have arrived and were not read yet: those of `bytes` between `from` and `to`, which may have room behind it. */
export type Unread = { bytes: Buffer; from: number; to: number }

export const lengthOf = ({ from, to }: Unread) => to - from

/** Adds a chunk. Nothing that was read before is written over: it may still be in use. */
export function append(unread: Unread | undefined, chunk: Buffer): Unread {
  if (!unread) return { bytes: chunk, from: 0, to: chunk.length }
  const roomy = unread.to + chunk.length > unread.bytes.length ? copy(unread, 2 * (lengthOf(unread) + chunk.length)) : unread
  chunk.copy(roomy.bytes, roomy.to)
  return { ...roomy, to: roomy.to + chunk.length }
}

/** What is left when so many bytes have been read. */
export function behind(unread: Unread, count: number): Unread | undefined {
  const from = unread.from + count
  return from === unread.to ? undefined : { ...unread, from }
}

/** The same, no longer at the end of a large chunk that would be kept in memory for it. */
export const compact = (unread: Unread) =>
  unread.bytes.length > 2 * lengthOf(unread) + wasteAtMost ? copy(unread, lengthOf(unread)) : unread

function copy({ bytes, from, to }: Unread, room: number): Unread {
  const copied = Buffer.allocUnsafeSlow(room)
  bytes.copy(copied, 0, from, to)
  return { bytes: copied, from: 0, to: to - from }
}
