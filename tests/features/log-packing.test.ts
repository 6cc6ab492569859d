import { expect, test } from 'bun:test'
import { linesOf, packed, type Report, unpacked } from '../../src/features/logs/packing.ts'

const noon = 1_795_176_000_000

const reports: Report[] = [
  ['01a1-lamp', 'blinker', noon, 'one', 'two'],
  [7, 'blinker', noon + 1],
  [8, null, noon + 2, ''],
  [9, null, noon + 3, '0'],
  [7, 'alarm', noon + 4, '"', '\u{1f4a1}'],
  ['01a2-bulb', 'blinker', noon + 5]
]

test('reports are unpacked as they were packed, whoever sent them and for whatever application', () => {
  const [text, ...others] = packed(reports)
  expect(others).toEqual([])
  expect(unpacked(text ?? '')).toEqual(reports)
  expect(reports.map(linesOf)).toEqual([['one', 'two'], [], [''], ['0'], ['"', '\u{1f4a1}'], []])
  expect(packed([])).toEqual([])
})

test('an application is named once for those who follow each other', () => {
  expect(packed(reports.slice(0, 2))).toEqual([`[["01a1-lamp","blinker",${noon},"one","two"],[7,0,${noon + 1}]]`])
})

test('what a hub has left that named every device and application in full is unpacked as it was', () => {
  const left: Report[] = [
    ['01a1-lamp', 'blinker', noon, 'one'],
    ['01a2-bulb', 'blinker', noon, 'two'],
    ['01a3-bell', null, noon]
  ]
  expect(unpacked(JSON.stringify(left))).toEqual(left)
})

test('many long lines are packed in pieces that can be read one at a time', () => {
  const long = Array.from({ length: 20 }, (_, n): Report => [n, 'blinker', noon, 'x'.repeat(30_000)])
  const pieces = packed(long)
  expect(pieces.length).toBe(4)
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(200_000)
  expect(pieces.flatMap(unpacked)).toEqual(long)
})
