import { expect, test } from 'bun:test'
import { PassThrough } from 'node:stream'
import { Aedes } from 'aedes'
import type { AedesClient } from '../../../src/mqtt/guards/aedes.ts'
import { createLeanClients } from '../../../src/mqtt/guards/lean.ts'
import type { Wire } from '../../../src/mqtt/wire.ts'

const ours = ['bucket', 'header', 'isOpen', 'keepalive', 'principal']
const isPlain = (value: unknown) => value === null || (typeof value !== 'object' && typeof value !== 'function')
// What differs: a timer, a number by chance, and what Aedes counts from 1 where the hub reads by itself.
const different = new Set(['_connectTimer', '_nextId', '_parsingBatch'])

test('a lean client has every field that Aedes gives one, and with the same value where that is a plain one', async () => {
  const broker = await Aedes.createBroker()
  const full = broker.handle(new PassThrough()) as unknown as Record<string, unknown> & AedesClient
  const clients = createLeanClients(broker, { newBucket: () => ({ tokens: 1, at: 0 }), dealtWith() {} })
  const lean = clients.create({} as Wire) as unknown as Record<string, unknown>
  const emitters = new Set(['_events', '_eventsCount', '_maxListeners'])
  const fields = Object.keys(full).filter((field) => !emitters.has(field))
  expect(Object.keys(lean).toSorted()).toEqual([...fields, ...ours].toSorted())
  for (const field of fields) {
    if (different.has(field)) continue
    expect([field, isPlain(full[field]) ? full[field] : typeof full[field]]).toEqual([
      field,
      isPlain(lean[field]) ? lean[field] : typeof lean[field]
    ])
  }
  full.close()
  await new Promise<void>((resolve) => broker.close(resolve))
})
