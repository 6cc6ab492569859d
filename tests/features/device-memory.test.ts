import { expect, test } from 'bun:test'
import { createDeviceMemory, type Kept } from '../../src/features/devices/memory.ts'

type State = Kept & { name: string }
type Memory = ReturnType<typeof createDeviceMemory<State>>

const stateOf = (id: string, name = `state of ${id}`): State => ({ name, secretHash: `hash of ${id}`, current: false })
const keepAll = (memory: Memory, ids: string[]) => {
  for (const id of ids) memory.keep(id, stateOf(id))
}
const inMemory = (memory: Memory, ids: string[]) =>
  ids.map((id) => [memory.byId(id)?.name, memory.bySecretHash(`hash of ${id}`)?.name])
const both = (id: string) => [`state of ${id}`, `state of ${id}`]
const neither = [undefined, undefined]

test('of too many devices the first goes, by its id and by its secret', () => {
  const memory = createDeviceMemory<State>(2)
  keepAll(memory, ['a', 'b', 'c'])
  expect(inMemory(memory, ['a', 'b', 'c'])).toEqual([neither, both('b'), both('c')])
})

test('a device kept again takes its own place, not another’s, and counts as new', () => {
  const memory = createDeviceMemory<State>(2)
  keepAll(memory, ['a', 'b', 'a'])
  expect(inMemory(memory, ['a', 'b'])).toEqual([both('a'), both('b')])
  memory.keep('a', stateOf('a', 'newer'))
  expect(inMemory(memory, ['a'])).toEqual([['newer', 'newer']])
  keepAll(memory, ['c'])
  expect(inMemory(memory, ['b', 'c'])).toEqual([neither, both('c')])
})

test('what is forgotten is found neither way', () => {
  const memory = createDeviceMemory<State>(3)
  keepAll(memory, ['a', 'b', 'c'])
  memory.forget('a')
  memory.forget('never there')
  memory.forgetWhere(({ name }) => name === 'state of b')
  expect(inMemory(memory, ['a', 'b', 'c'])).toEqual([neither, neither, both('c')])
})

test('what is kept says so, until it is forgotten, replaced or too many', () => {
  const memory = createDeviceMemory<State>(2)
  const [a, b, newer, c] = [stateOf('a'), stateOf('b'), stateOf('b', 'newer'), stateOf('c')]
  const current = () => [a, b, newer, c].map((state) => state.current)
  memory.keep('a', a)
  memory.keep('b', b)
  expect(current()).toEqual([true, true, false, false])
  memory.keep('b', newer)
  expect(current()).toEqual([true, false, true, false])
  memory.keep('c', c)
  expect(current()).toEqual([false, false, true, true])
  memory.forget('b')
  expect(current()).toEqual([false, false, false, true])
})
