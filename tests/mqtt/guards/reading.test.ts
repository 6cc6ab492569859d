import { describe, expect, test } from 'bun:test'
import { generate } from 'mqtt-packet'
import { type TestHub, testDevice, testHub } from '../../support/hub.ts'
import { lines } from '../../support/lines.ts'
import { asDevice, holdUp, logOf, packetClient, until, within } from '../../support/mqtt.ts'

const log = 'ada/devices/lamp/log'

const publish = (messageId: number, payload: string) =>
  ({ cmd: 'publish', messageId, topic: log, payload, qos: 1, retain: false, dup: false }) as const

async function lampOf(hub: TestHub) {
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp')
  return { ada, who: asDevice(ada, lamp) }
}

/** A broker that deals with each message when it is told to. */
async function reader() {
  const seen: (number | undefined)[] = []
  const waiting: (() => void)[] = []
  const set = await lines((client, { messageId }) => {
    client._parsingBatch++
    seen.push(messageId)
    waiting.push(() => client._nextBatch())
  })
  return { ...set, seen, dealWithNext: () => waiting.shift()?.() }
}

const some = (from: number, to: number, payload = 'x') =>
  Buffer.concat(Array.from({ length: to - from + 1 }, (_, i) => generate(publish(from + i, payload))))

describe('what is sent faster than it is stored', () => {
  test('waits in the socket, not in memory, and is acknowledged in the end, all of it', async () => {
    await using hub = await testHub()
    const { ada, who } = await lampOf(hub)
    await using device = await packetClient(hub, who)
    const storing = holdUp(hub.hub.reports, 'log')
    const ids = Array.from({ length: 390 }, (_, i) => i + 1)
    const payload = 'x'.repeat(65_000)
    device.send(...ids.map((id) => publish(id, payload)))
    await storing.asked
    const waiting = [device.socket.writableLength]
    await until(() => {
      waiting.push(device.socket.writableLength)
      return waiting.length > 200 && waiting.at(-200) === waiting.at(-1)
    }, 'the socket to be full')
    expect(waiting.at(-1)).toBeGreaterThan(8_000_000) // of 25 MB; the system's own buffers hold some
    storing.release()
    for (const id of ids) expect((await device.next()).messageId).toBe(id)
    expect(await logOf(ada, 'lamp')).not.toBeEmpty()
  }, 20_000)

  test('is read on with when all that was read has been dealt with, not at every chunk', async () => {
    await using set = await reader()
    const { near, far } = await set.client()
    far.write(some(1, 2))
    await until(() => set.seen.length > 0, 'the first')
    far.write(some(3, 4))
    await until(() => near.unread !== undefined, 'the others')
    expect(set.seen).toEqual([1, 2])
    set.dealWithNext()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(set.seen).toEqual([1, 2])
    set.dealWithNext()
    await until(() => set.seen.length > 2, 'the others to be read')
    expect(set.seen).toEqual([1, 2, 3, 4])
  })

  test('is read a share at a time', async () => {
    await using set = await reader()
    const { far } = await set.client()
    far.write(some(1, 100, 'x'.repeat(1000)))
    await until(() => set.seen.length > 0, 'the first')
    expect(set.seen.length).toBeLessThan(20)
    await until(() => {
      set.dealWithNext()
      return set.seen.length === 100
    }, 'all of them')
    expect(set.seen).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
  })

  test('is read to its end before the connection counts as ended', async () => {
    await using set = await reader()
    const { near, far } = await set.client()
    far.end(some(1, 40, 'x'.repeat(1000)))
    await until(() => {
      set.dealWithNext()
      return near.isOver
    }, 'the end')
    expect(set.seen).toHaveLength(40)
    expect(set.left).toEqual([near.client])
  })
})

test('a packet is whole before anything is done about it, however it comes', async () => {
  await using set = await reader()
  const { far } = await set.client()
  const [first, second] = [some(1, 1, 'x'.repeat(300)), some(2, 2)]
  far.write(first.subarray(0, 1))
  for (const piece of [first.subarray(1, 2), first.subarray(2, 50), Buffer.concat([first.subarray(50), second])]) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(set.seen).toEqual([])
    far.write(piece)
  }
  await until(() => set.seen.length === 2, 'both')
})

test('what throws while a packet is dealt with ends that connection and not the process', async () => {
  await using set = await lines(() => {
    throw new TypeError('a bug')
  })
  const { far } = await set.client()
  const ended = new Promise((resolve) => far.resume().once('close', resolve))
  const { promise: refused, resolve } = Promise.withResolvers<Error>()
  set.broker.on('clientError', (_client, error) => resolve(error))
  far.write(some(1, 1))
  expect(await within(refused, 'the refusal')).toMatchObject({ reason: 'unexpected' })
  await within(ended, 'the end')
  expect(set.logged()).toContain('a bug')
})
