import { expect, test } from 'bun:test'
import { PassThrough } from 'node:stream'
import type { Client } from 'aedes'
import { type Packet, parser } from 'mqtt-packet'
import { createOutbox } from '../../src/mqtt/outbox.ts'
import { createSessions } from '../../src/mqtt/sessions.ts'
import { until } from '../support/mqtt.ts'

test('a packet identifier is not used again while its message is under way, all around the 65,535 [MQTT-2.3.1-2]', async () => {
  const sessions = createSessions()
  const outbox = createOutbox(sessions)
  const conn = new PassThrough()
  const sent: Packet[] = []
  const parse = parser()
  parse.on('packet', (packet) => void sent.push(packet))
  conn.on('data', (bytes: Buffer) => void parse.parse(bytes))
  const client = { id: 'device:1:esp', conn, closed: false, _nextId: 65_534, subscriptions: { '#': { qos: 1 } } }
  const message = { payload: Buffer.from('x'), qos: 1 as const, retain: false, replaceable: false }
  for (const messageId of [65_534, 1, 2]) sessions.keep(client.id, { ...message, topic: `old/${messageId}`, messageId })
  const asClient = client as unknown as Client
  outbox.open(asClient)
  for (const topic of ['a', 'b', 'c']) outbox.deliver(asClient, { ...message, topic })
  await until(() => sent.length === 3, 'the messages')
  expect(sent.map(({ messageId }) => messageId)).toEqual([65_535, 3, 4])
})
