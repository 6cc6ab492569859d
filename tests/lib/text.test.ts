import { expect, test } from 'bun:test'
import { linesOf, parseBytes, parseDuration, storable } from '../../src/lib/text.ts'

test.each([
  ['4096', 4096],
  ['512k', 512 * 1024],
  ['32MiB', 32 * 1024 ** 2],
  ['1GiB', 1024 ** 3],
  ['1 mb', 1024 ** 2],
  ['10b', 10],
  ['-1', undefined],
  ['many', undefined]
])('parseBytes(%s)', (text, expected) => {
  expect(parseBytes(text)).toBe(expected)
})

test.each([
  ['250ms', 250],
  ['90s', 90_000],
  ['3m', 180_000],
  ['24h', 86_400_000],
  ['30d', 2_592_000_000],
  ['3', undefined],
  ['soon', undefined]
])('parseDuration(%s)', (text, expected) => {
  expect(parseDuration(text)).toBe(expected)
})

test('lines end in any of the three ways, and empty ones are none', () => {
  expect(linesOf('a\nb\r\nc\rd\n\n')).toEqual(['a', 'b', 'c', 'd'])
  expect(linesOf('')).toEqual([])
})

test('what PostgreSQL cannot store is replaced', () => {
  expect(storable('a\0b\ud800c')).toBe('a\ufffdb\ufffdc')
})
