import { describe, expect, test } from 'bun:test'
import { createBudget, createTurns } from '../../src/mqtt/turns.ts'

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve))

/** A budget of so many ms, on a clock that goes on by `busyFor` only. */
function budgetOf(ms: number) {
  let now = 0
  const busyFor = (spent: number) => {
    now += spent
  }
  return { budget: createBudget(ms, () => now), busyFor }
}

describe('work in turns', () => {
  test('is done at once while there is time', () => {
    const done: number[] = []
    const turns = createTurns<number>(budgetOf(1).budget, (item) => void done.push(item))
    turns.add(1)
    expect(done).toEqual([1])
  })

  test('lets others in between when the time of a turn is used up', async () => {
    const events: string[] = []
    const { budget, busyFor } = budgetOf(5)
    const turns = createTurns<string>(budget, (item) => {
      events.push(item)
      busyFor(3)
    })
    for (const item of ['a', 'b', 'c', 'd', 'e', 'f']) turns.add(item)
    const isOver = () => events.includes('f')
    while (!isOver()) {
      await nextTurn()
      events.push('-')
    }
    expect(events.join('').replaceAll(/-+/g, '-')).toBe('ab-cd-ef-')
  })

  test('counts what follows in promises', async () => {
    const events: string[] = []
    const { budget, busyFor } = budgetOf(5)
    const turns = createTurns<string>(budget, (item) => {
      queueMicrotask(() => {
        events.push(item)
        busyFor(6)
      })
    })
    for (const item of ['a', 'b', 'c']) turns.add(item)
    while (!events.includes('c')) {
      await nextTurn()
      events.push('-')
    }
    expect(events.join('').replaceAll(/-+/g, '-')).toBe('a-b-c-')
  })

  test('is done once for what is added again before its turn, and again for what is added after it', async () => {
    const done: string[] = []
    const turns = createTurns<string>(budgetOf(0).budget, (item) => void done.push(item))
    for (const item of ['a', 'b', 'a', 'b']) turns.add(item)
    expect(turns.waiting()).toBe(2)
    while (turns.waiting() > 0) await nextTurn()
    expect(done).toEqual(['a', 'b'])
    turns.add('a')
    await nextTurn()
    await nextTurn()
    expect(done).toEqual(['a', 'b', 'a'])
  })
})

test('a budget shared by several is used up by all of them together', async () => {
  const { budget, busyFor } = budgetOf(5)
  const done: string[] = []
  const one = createTurns<string>(budget, (item) => {
    done.push(item)
    busyFor(6)
  })
  const other = createTurns<string>(budget, (item) => void done.push(item))
  one.add('one')
  other.add('other')
  expect(done).toEqual(['one'])
  await nextTurn()
  await nextTurn()
  expect(done).toEqual(['one', 'other'])
})
