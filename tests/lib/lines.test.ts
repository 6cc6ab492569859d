import { describe, expect, test } from 'bun:test'
import { linesOfStream } from '../../src/lib/lines.ts'

async function* inPieces(text: string, size: number) {
  const bytes = Buffer.from(text)
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
}

async function linesOf(text: string, { size = 1000, atMost = 5 } = {}) {
  const lines: [number, string | undefined][] = []
  for await (const some of linesOfStream(inPieces(text, size), atMost))
    lines.push(...some.map(({ number, bytes }): [number, string | undefined] => [number, bytes?.toString()]))
  return lines
}

describe('the lines of a stream', () => {
  test.each([1, 2, 3, 7, 1000])('in pieces of %d bytes', async (size) => {
    expect(await linesOf('one\n\ntwo\r\nlong line\nfive!\nsix', { size })).toEqual([
      [1, 'one'],
      [2, ''],
      [3, 'two\r'],
      [4, undefined],
      [5, 'five!'],
      [6, 'six']
    ])
    expect(await linesOf('too long\n', { size })).toEqual([[1, undefined]])
    expect(await linesOf('no end here', { size })).toEqual([[1, undefined]])
    expect(await linesOf('\n', { size })).toEqual([[1, '']])
    expect(await linesOf('', { size })).toEqual([])
  })

  test('are counted in bytes, not in letters', async () => {
    expect(await linesOf('ééé\néé\n', { size: 1 })).toEqual([
      [1, undefined],
      [2, 'éé']
    ])
  })
})
