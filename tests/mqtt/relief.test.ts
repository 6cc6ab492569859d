import { expect, test } from 'bun:test'
import { createRelief } from '../../src/mqtt/relief.ts'

test('a flood of messages is collected every 2 MiB, every sixth time wholly; a few messages are not', () => {
  const collected: string[] = []
  const relieve = createRelief({ young: () => collected.push('young'), all: () => collected.push('all') })
  for (let n = 0; n < 1000; n++) relieve(300)
  expect(collected).toEqual([])
  const total = 30_000 * (300 + 256)
  for (let n = 0; n < 30_000; n++) relieve(300)
  expect(collected.length).toBeWithin(total / 2 ** 21 - 3, total / 2 ** 21 + 1)
  expect(collected.slice(0, 6)).toEqual(['young', 'young', 'young', 'young', 'young', 'all'])
})
