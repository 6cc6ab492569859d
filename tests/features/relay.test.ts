import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Peers } from '../../src/db/index.ts'
import { readLog } from '../../src/features/containers/logs.ts'
import { createMirrors } from '../../src/features/containers/mirrors.ts'
import { createSpools } from '../../src/features/containers/spools.ts'
import { createRelay } from '../../src/features/hubs/relay.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLog } from '../../src/lib/log.ts'
import { databaseName, freshDb } from '../support/databases.ts'
import { until } from '../support/mqtt.ts'

const log = createLog('silent')

/** What hubs on one database have: each hears everything, itself included. `texts` is all that was told. */
function peersOf() {
  const listeners: Parameters<Peers['listen']>[0][] = []
  const texts: string[] = []
  const peers: Peers = {
    async tell(told) {
      texts.push(...told)
      for (const text of told) for (const { heard } of listeners) heard(text)
    },
    listen: (listener) => void listeners.push(listener)
  }
  return { peers, texts, listeners }
}

async function relays(peers: Peers) {
  const [here, there] = [createRelay({ peers, log }), createRelay({ peers, log })]
  return {
    here,
    there,
    async [Symbol.asyncDispose]() {
      await here.stop()
      await there.stop()
    }
  }
}

describe('what is said at one hub', () => {
  test('is heard at another that wants it, whole and in order; what nobody wants is not passed on', async () => {
    const { peers, texts } = peersOf()
    await using hubs = await relays(peers)
    const heard: string[] = []
    hubs.there.want('team:1', (bytes) => bytes && void heard.push(bytes.toString()))
    await until(() => hubs.here.isWanted('team:1'), 'the wish to be heard')
    expect([hubs.here.isWanted('team:2'), hubs.there.isWanted('team:1')]).toEqual([false, false])
    const long = 'x'.repeat(100_000)
    for (const said of ['one', long, 'three']) hubs.here.pass('team:1', Buffer.from(said))
    hubs.here.pass('team:2', Buffer.from('nobody'))
    await until(() => heard.length === 3, 'all to be heard')
    expect(heard).toEqual(['one', long, 'three'])
    expect(texts.every((text) => Buffer.byteLength(text) < 8000)).toBe(true)
    expect(texts.some((text) => text.includes('team:2'))).toBe(false)
  })

  test('is heard no more by who does not listen any more, and never comes back to who said it', async () => {
    const { peers } = peersOf()
    await using hubs = await relays(peers)
    const heard: string[] = []
    const note = (what: string) => (bytes?: Buffer) => bytes && heard.push(what)
    const stop = hubs.there.want('a', note('there'))
    hubs.here.want('a', note('here'))
    hubs.there.want('b', note('b'))
    await until(() => hubs.here.isWanted('b') && hubs.here.isWanted('a'), 'the wishes to be heard')
    stop()
    for (const key of ['a', 'b']) hubs.here.pass(key, new Uint8Array())
    await until(() => heard.length > 0, 'it to be heard')
    expect(heard).toEqual(['b'])
  })

  test('that comes in pieces is heard whole or not at all', async () => {
    const { peers } = peersOf()
    await using hubs = await relays(peers)
    const heard: string[] = []
    hubs.there.want('a', (bytes) => bytes && void heard.push(bytes.toString()))
    const piece = (place: number, text: string, more: object) =>
      JSON.stringify({ by: 'x', key: 'a', piece: Buffer.from(text).toString('base64'), place, ...more })
    const [more, last] = [{ more: true }, {}]
    await peers.tell([piece(1, 'lost', last), piece(0, 'on', more), piece(2, 'e', last), piece(1, 'n', last)])
    expect(heard).toEqual([])
    await peers.tell([piece(0, 'o', more), piece(1, 'n', more), piece(2, 'e', last)])
    expect(heard).toEqual(['one'])
  })

  test('what is no message of a hub is not heard', async () => {
    const { peers } = peersOf()
    await using hubs = await relays(peers)
    const heard: unknown[] = []
    hubs.there.want('a', (bytes) => heard.push(bytes?.toString()))
    await peers.tell(['', '{}', 'null', '{"by":1}', '{"by":"x","key":"a"}', '{"by":"x","key":"a","piece":"aGk="}'])
    expect(heard).toEqual(['hi'])
  })

  test('who may have missed something is told so, and what they want is told again', async () => {
    const { peers, listeners } = peersOf()
    await using hubs = await relays(peers)
    let missed = 0
    hubs.there.want('a', (bytes) => {
      if (!bytes) missed++
    })
    await until(() => hubs.here.isWanted('a'), 'the wish to be heard')
    const late = createRelay({ peers, log })
    expect(late.isWanted('a')).toBe(false)
    const before = missed
    for (const { anew } of listeners) anew()
    await until(() => late.isWanted('a'), 'the wish to be heard again')
    expect(missed).toBe(before + 1)
    await late.stop()
  })
})

async function twoSpools() {
  const fresh = await freshDb()
  const { db } = fresh
  const folders = [await mkdtemp(join(tmpdir(), 'updraft-spool-')), await mkdtemp(join(tmpdir(), 'updraft-spool-'))]
  const { peers } = peersOf()
  const hubs = await relays(peers)
  const [near, far] = folders.map((folder) => createSpools(folder)) as [
    ReturnType<typeof createSpools>,
    ReturnType<typeof createSpools>
  ]
  createMirrors({ db, clock: systemClock, log, spools: near, relay: hubs.here })
  const mirrors = createMirrors({ db, clock: systemClock, log, spools: far, relay: hubs.there })
  const stored = { logSha256: null, logSize: null, node: 'near' }
  const read = () => readLog({ spools: far, mirrors, hubId: 'far', blobs: {} as never, run: 'task-1', stored })
  const rows = async () => (await db.read.select().from(db.tables.runLogs)).length
  return {
    near,
    read,
    rows,
    mirrors,
    async [Symbol.asyncDispose]() {
      await near.release('task-1')
      await hubs[Symbol.asyncDispose]()
      await fresh[Symbol.asyncDispose]()
      for (const folder of folders) await rm(folder, { recursive: true })
    }
  }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

describe(`the log of a run at another hub on ${databaseName}`, () => {
  test('is read from any offset while it grows, and is not copied unless somebody reads it', async () => {
    await using t = await twoSpools()
    const spool = await t.near.take('task-1')
    await spool.say('one')
    expect(await t.rows()).toBe(0)
    expect(text(await t.read().page(0))).toBe('one\n')
    let woken = 0
    const stop = t.mirrors.onNews('task-1', () => woken++)
    await spool.say('two')
    await until(async () => text(await t.read().page(4)) === 'two\n', 'what has come')
    await until(() => woken > 0, 'readers to be told')
    expect(text(await t.read().page(5))).toBe('wo\n')
    expect(text(await t.read().page(800))).toBe('')
    await spool.append(Buffer.alloc(150_000, 'x'))
    await until(async () => (await t.read().last(200_000)).byteLength === 150_008, 'all of it')
    expect(text(await t.read().last(3))).toBe('xxx')
    stop()
  })

  test('begins anew where the run does, and its copy is gone when the run is over', async () => {
    await using t = await twoSpools()
    const spool = await t.near.take('task-1')
    await spool.say('a first attempt')
    expect(text(await t.read().page(0))).toBe('a first attempt\n')
    await spool.reset()
    await spool.say('again')
    await until(async () => text(await t.read().page(0)) === 'again\n', 'the log to begin anew')
    let over = false
    const stop = t.mirrors.onNews('task-1', () => {
      over = t.near.of('task-1') === undefined
    })
    await t.near.release('task-1')
    await until(async () => over && (await t.rows()) === 0, 'the copy to go')
    stop()
  })

  test('of a hub that is gone, its copy goes with time', async () => {
    await using t = await twoSpools()
    const spool = await t.near.take('task-1')
    await spool.say('one')
    await t.read().page(0)
    expect(await t.mirrors.removeOld(new Date(Date.now() - 60_000), 10)).toBe(0)
    expect(await t.mirrors.removeOld(new Date(Date.now() + 60_000), 10)).toBe(1)
    expect(await t.rows()).toBe(0)
  })
})
