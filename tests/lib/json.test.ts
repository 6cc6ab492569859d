import { describe, expect, test } from 'bun:test'
import { memberText } from '../../src/lib/json.ts'

describe('the text of a member', () => {
  test.each([
    ['{"payload":1.50}', '1.50'],
    [' { "x" : [1, 2] , "payload" : { "a" : "}" , "b" : [ "]\\"" ] } } ', '{ "a" : "}" , "b" : [ "]\\"" ] }'],
    ['{"payload":"a \\\\","x":"payload"}', '"a \\\\"'],
    ['{"payload":""}', '""'],
    ['{"payload":null}', 'null'],
    ['{"payload":-1e400\r\n}', '-1e400'],
    ['{"payload":12345678901234567890123}', '12345678901234567890123'],
    ['{"payload":1,"payload":2}', '2'],
    ['{"x":{"payload":1},"payload":[[],{}]}', '[[],{}]'],
    ['{"pay\\u006coad":true}', 'true'],
    ['{"x":{"payload":1}}', undefined],
    ['{"x":"\\"payload\\":1"}', undefined],
    ['{}', undefined],
    [' { } ', undefined]
  ])('in %j', (text, expected) => {
    expect(memberText(text, 'payload')).toBe(expected as string)
  })

  test('says what JSON.parse says, of whatever it may be', () => {
    const random = (depth: number): unknown => {
      const kind = Math.floor(Math.random() * (depth > 3 ? 4 : 6))
      const word = () =>
        '"\\{}[],: a\n\u2028é😀'
          .split('')
          .sort(() => Math.random() - 0.5)
          .join('')
      if (kind === 0) return word()
      if (kind === 1) return Math.random() * 1e6
      if (kind === 2) return null
      if (kind === 3) return true
      const parts = Array.from({ length: Math.floor(Math.random() * 4) }, () => random(depth + 1))
      return kind === 4 ? parts : Object.fromEntries(parts.map((part) => [word(), part]))
    }
    for (let n = 0; n < 500; n++) {
      const payload = random(0)
      const text = JSON.stringify({ before: random(0), payload, after: random(0) }, null, n % 3)
      expect(JSON.parse(memberText(text, 'payload') ?? '')).toEqual(payload)
    }
  })

  test('may be long and deep', () => {
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
    expect(memberText(`{"payload":${deep}}`, 'payload')).toBe(deep)
    const long = JSON.stringify('\\"'.repeat(30_000))
    expect(memberText(`{"payload":${long},"x":1}`, 'payload')).toBe(long)
  })
})
