import { describe, expect, test } from 'bun:test'
import { createFlights } from '../../src/lib/flights.ts'
import { createSlots } from '../../src/lib/slots.ts'
import { createWatchdog } from '../../src/lib/watchdog.ts'
import { failureOf } from '../support/failure.ts'

const never = new AbortController().signal

describe('slots', () => {
  test('let so many work at a time, in the order in which they came', async () => {
    const slots = createSlots(2)
    const order: string[] = []
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
    const work = [0, 1, 2, 3].map((n) =>
      slots.use(never, async () => {
        order.push(`${n} in`)
        await gates[n]?.promise
        order.push(`${n} out`)
      })
    )
    gates[1]?.resolve()
    await work[1]
    gates[0]?.resolve()
    await work[0]
    for (const gate of gates) gate.resolve()
    await Promise.all(work)
    expect(order.slice(0, 6)).toEqual(['0 in', '1 in', '1 out', '2 in', '0 out', '3 in'])
  })

  test('are left when the work fails, and not waited for past the signal', async () => {
    const slots = createSlots(1)
    expect(await failureOf(slots.use(never, () => Promise.reject(new Error('failed'))))).toHaveProperty('message', 'failed')
    const gate = Promise.withResolvers<string>()
    const first = slots.use(never, () => gate.promise)
    const impatient = new AbortController()
    const second = slots.use(impatient.signal, async () => 'never')
    const third = slots.use(never, async () => 'third')
    impatient.abort(new Error('too late'))
    expect(await failureOf(second)).toHaveProperty('message', 'too late')
    gate.resolve('first')
    expect(await Promise.all([first, third])).toEqual(['first', 'third'])
    expect(await failureOf(slots.use(impatient.signal, async () => 'never'))).toHaveProperty('message', 'too late')
  })
})

describe('flights', () => {
  test('are one for all who come while it is under way, its failure too', async () => {
    const flights = createFlights<number>()
    let begun = 0
    const gate = Promise.withResolvers<void>()
    const work = async () => {
      begun++
      await gate.promise
      if (begun === 1) throw new Error('crashed')
      return begun
    }
    const first = [flights.join('a', work), flights.join('a', work), flights.of('a') ?? Promise.resolve(0)]
    const other = flights.join('b', async () => 7)
    expect(flights.of('c')).toBeUndefined()
    gate.resolve()
    const settled = await Promise.allSettled(first)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await other).toBe(7)
    await flights.landed()
    expect(flights.of('a')).toBeUndefined()
    expect(await flights.join('a', work)).toBe(2)
  })
})

describe('a watchdog', () => {
  test('barks when nothing comes, and when it all takes too long', async () => {
    for (const limits of [
      { silence: 20, longest: 60_000 },
      { silence: 60_000, longest: 20 }
    ]) {
      const watchdog = createWatchdog(limits)
      await new Promise((resolve) => watchdog.signal.addEventListener('abort', resolve))
      expect(watchdog.signal.aborted).toBe(true)
      watchdog.stop()
    }
  })

  test('passes on what comes, and ends the rest', async () => {
    const watchdog = createWatchdog({ silence: 60_000, longest: 60_000 })
    const chunks = [new Uint8Array([1]), new Uint8Array([2])]
    const seen: Uint8Array[] = []
    for await (const chunk of watchdog.over(new Response(new Blob(chunks)).body)) seen.push(chunk)
    expect(Buffer.concat(seen)).toEqual(Buffer.from([1, 2]))
    expect(watchdog.signal.aborted).toBe(false)
    watchdog.stop()
    expect(watchdog.signal.aborted).toBe(true)
  })
})
