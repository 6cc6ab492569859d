import { expect, test } from 'bun:test'
import { createDeviceMemory } from '../../src/features/devices/memory.ts'

const keepAll = (memory: ReturnType<typeof createDeviceMemory<string>>, ids: string[]) => {
  for (const id of ids) memory.keep(id, `hash of ${id}`, `state of ${id}`)
}
const inMemory = (memory: ReturnType<typeof createDeviceMemory<string>>, ids: string[]) =>
  ids.map((id) => [memory.byId(id), memory.bySecretHash(`hash of ${id}`)])
const both = (id: string) => [`state of ${id}`, `state of ${id}`]
const neither = [undefined, undefined]

test('of too many devices the first goes, by its id and by its secret', () => {
  const memory = createDeviceMemory<string>(2)
  keepAll(memory, ['a', 'b', 'c'])
  expect(inMemory(memory, ['a', 'b', 'c'])).toEqual([neither, both('b'), both('c')])
})

test('a device kept again takes its own place, not another’s, and counts as new', () => {
  const memory = createDeviceMemory<string>(2)
  keepAll(memory, ['a', 'b', 'a'])
  expect(inMemory(memory, ['a', 'b'])).toEqual([both('a'), both('b')])
  memory.keep('a', 'hash of a', 'newer')
  expect([memory.byId('a'), memory.bySecretHash('hash of a')]).toEqual(['newer', 'newer'])
  keepAll(memory, ['c'])
  expect(inMemory(memory, ['b', 'c'])).toEqual([neither, both('c')])
})

test('what is forgotten is found neither way', () => {
  const memory = createDeviceMemory<string>(3)
  keepAll(memory, ['a', 'b', 'c'])
  memory.forget('a')
  memory.forget('never there')
  memory.forgetWhere((state) => state === 'state of b')
  expect(inMemory(memory, ['a', 'b', 'c'])).toEqual([neither, neither, both('c')])
})
