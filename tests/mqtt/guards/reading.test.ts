import { describe, expect, test } from 'bun:test'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { generate, parser } from 'mqtt-packet'
import type { AedesClient, Parser } from '../../../src/mqtt/guards/aedes.ts'
import { readInTurn } from '../../../src/mqtt/guards/reading.ts'
import { type TestHub, testDevice, testHub } from '../../support/hub.ts'
import { asDevice, holdUp, logOf, packetClient, until } from '../../support/mqtt.ts'

const log = 'ada/devices/lamp/log'

const publish = (messageId: number, payload: string) =>
  ({ cmd: 'publish', messageId, topic: log, payload, qos: 1, retain: false, dup: false }) as const

async function lampOf(hub: TestHub) {
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp')
  return { ada, who: asDevice(ada, lamp) }
}

/** Aedes' part of a client: it counts the packets that it has been handed and not dealt with. */
function reader() {
  const conn = new PassThrough()
  const _parser = parser() as unknown as Parser & EventEmitter
  const state = { conn, _parser, _parsingBatch: 1, closed: false, _nextBatch: () => {} }
  const client = Object.assign(new EventEmitter(), state) as unknown as AedesClient
  const seen: { cmd: string }[] = []
  _parser.on('packet', (packet: { cmd: string }) => {
    client._parsingBatch++
    seen.push(packet)
  })
  return { client, conn, seen }
}

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

  test('is read on with when all that was read has been dealt with, not at every chunk', () => {
    const { client, conn, seen } = reader()
    readInTurn(client, () => {})
    conn.write(Buffer.concat([generate(publish(1, 'a')), generate(publish(2, 'b'))]))
    conn.emit('readable')
    for (const id of [3, 4]) {
      conn.write(generate(publish(id, 'c')))
      conn.emit('readable')
    }
    expect(seen).toHaveLength(2)
    client._nextBatch()
    expect(seen).toHaveLength(2)
    client._nextBatch()
    expect(seen.length).toBeGreaterThan(2)
  })

  test('is not parsed in the middle of a packet that is dealt with at once', () => {
    const { client, conn, seen } = reader()
    readInTurn(client, () => {})
    ;(client._parser as unknown as EventEmitter).on('packet', () => {
      if (seen.length === 1) conn.write(generate(publish(2, 'b')))
      client._nextBatch()
    })
    conn.write(generate(publish(1, 'a')))
    conn.emit('readable')
    expect(seen.map((packet) => 'messageId' in packet && packet.messageId)).toEqual([1, 2])
  })
})

describe('a packet that comes drop by drop', () => {
  test('is kept in a few pieces: each of one byte would cost a hundred times that', () => {
    const { client, conn, seen } = reader()
    readInTurn(client, () => {})
    const bytes = generate(publish(1, 'x'.repeat(5000)))
    let mostPieces = 0
    for (const byte of bytes) {
      conn.write(Buffer.from([byte]))
      conn.emit('readable')
      mostPieces = Math.max(mostPieces, client._parser._list._bufs.length)
    }
    expect(seen).toHaveLength(1)
    expect(mostPieces).toBeLessThanOrEqual(32)
  })

  test('does not keep the large chunk in memory that it is the end of', () => {
    const { client, conn } = reader()
    readInTurn(client, () => {})
    const chunk = Buffer.concat([generate(publish(1, 'x'.repeat(60_000))), generate(publish(2, 'b')).subarray(0, 5)])
    conn.write(chunk)
    conn.emit('readable')
    const [piece] = client._parser._list._bufs
    expect(piece).toHaveLength(3) // its header has been read
    expect(piece?.buffer.byteLength).toBeLessThan(20_000)
  })
})

test('what throws while a packet is dealt with ends that connection and not the process', () => {
  const { client, conn } = reader()
  const thrown: unknown[] = []
  const ended: Error[] = []
  readInTurn(client, (error) => void thrown.push(error))
  client.on('error', (error) => void ended.push(error))
  ;(client._parser as unknown as EventEmitter).on('packet', () => {
    throw new TypeError('a bug')
  })
  conn.write(generate({ cmd: 'pingreq' }))
  conn.emit('readable')
  expect(thrown).toEqual([new TypeError('a bug')])
  expect(ended).toMatchObject([{ reason: 'unexpected' }])
})
