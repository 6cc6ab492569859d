import { describe, expect, test } from 'bun:test'
import { append, behind, compact, lengthOf, type Unread } from '../../src/mqtt/unread.ts'

const text = (unread: Unread | undefined) => unread && unread.bytes.toString('latin1', unread.from, unread.to)

describe('bytes that were not read yet', () => {
  test('are one piece, however they come', () => {
    let unread: Unread | undefined
    for (const chunk of ['a', 'bc', 'def', 'g'.repeat(100)]) unread = append(unread, Buffer.from(chunk))
    expect(text(unread)).toBe(`abcdef${'g'.repeat(100)}`)
    unread = unread && behind(unread, 3)
    unread = append(unread, Buffer.from('h'))
    expect(text(unread)).toBe(`def${'g'.repeat(100)}h`)
    expect(behind(unread, 104)).toBeUndefined()
  })

  test('come drop by drop, and are copied a few times only', () => {
    const pieces = new Set<ArrayBufferLike>()
    let unread: Unread | undefined
    for (let count = 0; count < 5000; count++) {
      unread = append(unread, Buffer.from('x'))
      pieces.add(unread.bytes.buffer)
    }
    expect(unread && lengthOf(unread)).toBe(5000)
    expect(pieces.size).toBeLessThan(20)
  })

  test('are never written over: what was read of them may be in use', () => {
    const chunk = Buffer.from('first second')
    const whole = append(append(undefined, chunk), Buffer.from(' third'))
    const read = whole.bytes.subarray(whole.from, whole.from + 6)
    let rest: Unread | undefined = behind(whole, 6)
    for (let count = 0; count < 100; count++) rest = append(rest, Buffer.from('xyz'))
    expect(read.toString()).toBe('first ')
    expect(chunk.toString()).toBe('first second')
  })

  test('do not keep the large chunk in memory that they are the end of', () => {
    const unread = behind(append(undefined, Buffer.alloc(60_000)), 59_990)
    const compacted = unread && compact(unread)
    expect(compacted && lengthOf(compacted)).toBe(10)
    expect(compacted?.bytes.buffer.byteLength).toBe(10)
  })
})
