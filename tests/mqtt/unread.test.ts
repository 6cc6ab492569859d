import { describe, expect, test } from 'bun:test'
import { append, byteAt, compact, skip, type Unread, whole } from '../../src/mqtt/unread.ts'

const arrived = (...chunks: string[]) =>
  chunks.reduce<Unread | undefined>((unread, chunk) => append(unread, Buffer.from(chunk)), undefined) as Unread

/** Reads the next bytes, and passes over them. */
function read(unread: Unread, count: number) {
  const text = whole(unread, count).toString('latin1', unread.from, unread.from + count)
  skip(unread, count)
  return text
}

describe('bytes that were not read yet', () => {
  test('are read in their order, however they came', () => {
    const unread = arrived('a', 'bc', 'def', 'g'.repeat(100), 'h')
    expect([0, 1, 3, 6, 106, 107].map((index) => byteAt(unread, index))).toEqual([97, 98, 100, 103, 104, undefined])
    expect([1, 4, 1, 90].map((count) => read(unread, count))).toEqual(['a', 'bcde', 'f', 'g'.repeat(90)])
    expect(unread.length).toBe(11)
    expect(byteAt(unread, 10)).toBe(104)
    expect(read(append(unread, Buffer.from('ijk')), 14)).toBe(`${'g'.repeat(10)}hijk`)
    expect(unread).toMatchObject({ pieces: [], length: 0 })
    expect(read(unread, 0)).toBe('')
  })

  test('come drop by drop, and are kept in a few pieces', () => {
    let unread: Unread | undefined
    let mostPieces = 0
    for (let count = 0; count < 5000; count++) {
      unread = append(unread, Buffer.from([count & 127]))
      mostPieces = Math.max(mostPieces, unread.pieces.length)
    }
    expect(mostPieces).toBeLessThanOrEqual(32)
    const expected = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 127)).toString('latin1')
    expect(unread && read(unread, 5000)).toBe(expected)
  })

  test('are not copied where they lie in one piece, and a large piece is given back as soon as it is read', () => {
    const chunks = [Buffer.alloc(40_000, 'a'), Buffer.alloc(40_000, 'b'), Buffer.alloc(100, 'c')]
    const unread = chunks.reduce<Unread | undefined>(append, undefined) as Unread
    expect(whole(unread, 30_000)).toBe(chunks[0] as Buffer)
    skip(unread, 30_000)
    expect(read(unread, 20_000)).toBe(`${'a'.repeat(10_000)}${'b'.repeat(10_000)}`)
    expect(chunks.map((chunk) => chunk.length)).toEqual([0, 40_000, 100])
    expect(read(unread, 30_050)).toBe(`${'b'.repeat(30_000)}${'c'.repeat(50)}`)
    expect(chunks.map((chunk) => chunk.length)).toEqual([0, 0, 100])
    expect(read(unread, 50)).toBe('c'.repeat(50))
  })

  test('do not keep the large chunk in memory that they are the end of', () => {
    const unread = append(undefined, Buffer.alloc(60_000))
    skip(unread, 59_990)
    const { pieces, length } = compact(unread)
    expect(length).toBe(10)
    expect(pieces.map((piece) => piece.buffer.byteLength)).toEqual([10])
  })
})
