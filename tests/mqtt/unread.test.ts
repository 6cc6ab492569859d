import { describe, expect, test } from 'bun:test'
import { append, byteAt, compact, take, type Unread } from '../../src/mqtt/unread.ts'

const arrived = (...chunks: string[]) =>
  chunks.reduce<Unread | undefined>((unread, chunk) => append(unread, Buffer.from(chunk)), undefined) as Unread

describe('bytes that were not read yet', () => {
  test('are taken in their order, however they came', () => {
    const unread = arrived('a', 'bc', 'def', 'g'.repeat(100), 'h')
    expect([0, 1, 3, 6, 106, 107].map((index) => byteAt(unread, index))).toEqual([97, 98, 100, 103, 104, undefined])
    expect([1, 4, 1, 90].map((count) => take(unread, count).toString())).toEqual(['a', 'bcde', 'f', 'g'.repeat(90)])
    expect(unread.length).toBe(11)
    expect(byteAt(unread, 10)).toBe(104)
    expect(take(append(unread, Buffer.from('ijk')), 14).toString()).toBe(`${'g'.repeat(10)}hijk`)
    expect(unread).toMatchObject({ pieces: [], length: 0 })
    expect(take(unread, 0)).toHaveLength(0)
  })

  test('come drop by drop, and are kept in a few pieces', () => {
    let unread: Unread | undefined
    let mostPieces = 0
    for (let count = 0; count < 5000; count++) {
      unread = append(unread, Buffer.from([count & 255]))
      mostPieces = Math.max(mostPieces, unread.pieces.length)
    }
    expect(mostPieces).toBeLessThanOrEqual(32)
    const bytes = unread && take(unread, 5000)
    expect(bytes?.equals(Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 255)))).toBe(true)
  })

  test('are not copied where they lie in one piece', () => {
    const chunk = Buffer.from('first second')
    const taken = take(append(undefined, chunk), 5)
    expect(taken.buffer).toBe(chunk.buffer)
  })

  test('do not keep the large chunk in memory that they are the end of', () => {
    const unread = append(undefined, Buffer.alloc(60_000))
    take(unread, 59_990)
    const { pieces, length } = compact(unread)
    expect(length).toBe(10)
    expect(pieces.map((piece) => piece.buffer.byteLength)).toEqual([10])
  })
})
