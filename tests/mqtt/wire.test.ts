import { describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Wire } from '../../src/mqtt/wire.ts'
import { until, within } from '../support/mqtt.ts'
import { wires } from '../support/wires.ts'

/** Writes until no more of it is taken. */
async function fill(near: Wire, far: Socket) {
  far.pause()
  while (!near.writableNeedDrain) {
    near.write(Buffer.alloc(64 * 1024))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Reads so many bytes. */
async function take(far: Socket, count: number) {
  const read: Buffer[] = []
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  far.on('data', (bytes: Buffer) => {
    read.push(bytes)
    if (Buffer.concat(read).length >= count) resolve(Buffer.concat(read))
  })
  return within(promise, `${count} bytes`)
}

describe('what is written', () => {
  test('in one go goes out as one piece, in order, before the end', async () => {
    await using set = await wires()
    const { near, far } = await set.pair()
    for (const text of ['one ', 'two ', Buffer.from('three')]) expect(near.write(text)).toBe(true)
    const read = once(far, 'data')
    near.destroy()
    const [bytes] = (await read) as [Buffer]
    expect(bytes.toString()).toBe('one two three')
    await within(once(far, 'close'), 'the end')
    expect(near.write('more')).toBe(false)
  })

  test('and not taken waits, and who waits for room is told of it', async () => {
    await using set = await wires()
    const { near, far } = await set.pair()
    await fill(near, far)
    const since = near.blockedSince
    expect(near.writableLength).toBeGreaterThan(0)
    expect(near.write(Buffer.from('end'))).toBe(false)
    const drained = new Promise<void>((resolve) => near.once('drain', resolve))
    near.drain() // there is no room, whatever woke it: it has been waiting all the while
    expect(near.blockedSince).toBe(since)
    far.resume()
    await within(drained, 'room')
    expect(near).toMatchObject({ writableLength: 0, writableNeedDrain: false })
  })

  test('a little at a time is taken in its order', async () => {
    await using set = await wires()
    const { near, far } = await set.pair()
    const numbers = Uint32Array.from({ length: 2_000_000 }, (_, i) => i)
    const bytes = Buffer.from(numbers.buffer)
    const taken = take(far, bytes.length)
    for (let at = 0; at < bytes.length; at += 100_000) near.write(bytes.subarray(at, at + 100_000))
    expect((await taken).equals(bytes)).toBe(true)
  })
})

describe('what arrives', () => {
  test('and is not read waits in the socket of who sends it', async () => {
    await using set = await wires()
    const { near, far } = await set.pair()
    far.write(Buffer.alloc(30_000_000))
    const waiting = [far.writableLength]
    await until(() => {
      waiting.push(far.writableLength)
      return waiting.length > 200 && waiting.at(-200) === waiting.at(-1)
    }, 'the socket to be full')
    expect(far.writableLength).toBeGreaterThan(10_000_000) // the system's own buffers hold some
    let read = 0
    const reading = setInterval(() => {
      read += near.unread?.length ?? 0
      near.keep(undefined)
    }, 0)
    await until(() => read === 30_000_000, 'all of it')
    clearInterval(reading)
  })

  test('before the end is there when the end is told', async () => {
    const ended = Promise.withResolvers<Wire>()
    await using set = await wires({ arrived: (wire) => wire.ended && ended.resolve(wire) })
    const { near, far } = await set.pair()
    far.end('last words')
    expect(await within(ended.promise, 'the end')).toBe(near)
    expect(near.unread?.pieces.join('')).toBe('last words')
    near.write('an answer') // to an end that has said all, and listens
    expect((await take(far, 9)).toString()).toBe('an answer')
    near.destroy()
  })
})
