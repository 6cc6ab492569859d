import { describe, expect, test } from 'bun:test'
import { noneMatch, rangeStillHolds, readRange } from '../../src/lib/ranges.ts'

const whole = { kind: 'whole' } as const
const none = { kind: 'unsatisfiable' } as const
const part = (start: number, end: number) => ({ kind: 'part', start, end }) as const

describe('readRange, of 1000 bytes', () => {
  test.each([
    [null, whole],
    ['bytes=0-499', part(0, 499)],
    ['bytes=500-', part(500, 999)],
    ['bytes=-100', part(900, 999)],
    ['bytes=-5000', part(0, 999)],
    ['bytes=0-0', part(0, 0)],
    ['bytes=999-999', part(999, 999)],
    ['bytes=900-4995', part(900, 999)],
    ['BYTES=0-9', part(0, 9)],
    ['bytes=1000-', none],
    ['bytes=1000-2000', none],
    ['bytes=-0', none],
    ['bytes=9-0', whole],
    ['bytes=-', whole],
    ['bytes=a-b', whole],
    ['bytes=0-1,5-6', whole],
    ['lines=0-9', whole],
    ['bytes 0-9', whole],
    ['bytes=0-99999999999999999999', whole]
  ])('%s', (header, expected) => {
    expect(readRange(header, 1000)).toEqual(expected)
  })

  test('of no bytes at all nothing can be had', () => {
    expect(readRange('bytes=0-', 0)).toEqual(none)
    expect(readRange(null, 0)).toEqual(whole)
  })
})

describe('validators', () => {
  test.each([
    ['"a"', true],
    ['W/"a"', true],
    ['"b", "a"', true],
    ['*', true],
    ['"b"', false],
    [null, false]
  ])('If-None-Match: %s', (header, expected) => {
    expect(noneMatch(header, '"a"')).toBe(expected)
  })

  test.each([
    [null, true],
    ['"a"', true],
    ['W/"a"', false],
    ['"b"', false],
    ['Fri, 20 Nov 2026 07:17:16 GMT', false]
  ])('If-Range: %s', (header, expected) => {
    expect(rangeStillHolds(header, '"a"')).toBe(expected)
  })
})
