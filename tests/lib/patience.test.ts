import { describe, expect, test } from 'bun:test'
import { patiently } from '../../src/lib/patience.ts'

const complaint = () => new Error('nothing came')
const bytes = (text: string) => new TextEncoder().encode(text)

describe('a stream that is read with patience', () => {
  test('is handed on as it is', async () => {
    const got: string[] = []
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const text of ['one', 'two']) controller.enqueue(bytes(text))
        controller.close()
      }
    })
    for await (const chunk of patiently(source, 30_000, complaint)) got.push(new TextDecoder().decode(chunk))
    expect(got).toEqual(['one', 'two'])
  })

  test('is given up, and told so, when nothing comes', async () => {
    let cancelled = false
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes('one')),
      cancel: () => void (cancelled = true)
    })
    const reading = patiently(source, 1, complaint)
    expect((await reading.next()).value).toEqual(bytes('one'))
    expect(reading.next()).rejects.toThrow('nothing came')
    expect(cancelled).toBe(true)
  })

  test('is cancelled by whoever stops reading', async () => {
    const cancelled = Promise.withResolvers<void>()
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes('one')),
      cancel: () => cancelled.resolve()
    })
    for await (const _ of patiently(source, 30_000, complaint)) break
    await cancelled.promise
  })
})
