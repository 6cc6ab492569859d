import { describe, expect, test } from 'bun:test'
import type { Peers } from '../../src/db/index.ts'
import { inParts } from '../../src/features/hubs/messages.ts'
import { createOthers } from '../../src/features/hubs/others.ts'
import { createHubs } from '../../src/features/hubs/service.ts'
import { createLog } from '../../src/lib/log.ts'
import { until } from '../support/mqtt.ts'

type Listener = Parameters<Peers['listen']>[0]

const log = createLog('silent')

/** What hubs hear each other by, in one process: everything in one order. */
function bus() {
  const listeners = new Set<Listener>()
  const texts: string[] = []
  return {
    texts,
    calls: 0,
    broken: false,
    listeners,
    peers(): Peers {
      return {
        tell: async (more) => {
          await Bun.sleep(0)
          if (this.broken) throw Object.assign(new Error('broken'), { code: 'ECONNREFUSED' })
          this.calls++
          texts.push(...more)
          for (const text of more) for (const { heard } of listeners) heard(text)
        },
        listen: (listener) => void listeners.add(listener)
      }
    }
  }
}

/** A hub that knows who is connected to it, as the broker does. */
function join(peers: Peers | undefined) {
  const sessions = new Map<string, string>()
  const node = crypto.randomUUID()
  const hubs = createHubs({ peers, node, log })
  const hasDevice = (id: string) => [...sessions.values()].includes(id)
  const here = { sessions: () => sessions.keys(), hasSession: (id: string) => sessions.has(id) }
  hubs.start({ ...here, devices: () => sessions.values(), hasDevice }, (session) => void sessions.delete(session))
  return {
    node,
    sessions,
    hubs,
    connect(device: string, client = device) {
      sessions.set(`device:${device}:${client}`, device)
      hubs.arrived(`device:${device}:${client}`)
    },
    disconnect(device: string, client = device) {
      sessions.delete(`device:${device}:${client}`)
      if (!hasDevice(device)) hubs.left(device)
    },
    [Symbol.asyncDispose]: () => hubs.stop()
  }
}

describe('hubs of one database', () => {
  test('know of each other which device is connected where, those too that come later', async () => {
    const wire = bus()
    await using first = join(wire.peers())
    first.connect('lamp')
    await using second = join(wire.peers())
    await until(() => second.hubs.have('lamp'), 'the second to know of the lamp')
    second.connect('bell')
    await until(() => first.hubs.have('bell'), 'the first to know of the bell')
    first.disconnect('lamp')
    await until(() => !second.hubs.have('lamp'), 'the second to know that the lamp has gone')
    expect([first.hubs.have('lamp'), second.hubs.have('bell'), first.hubs.count()]).toEqual([false, false, 1])
    await second.hubs.stop()
    await until(() => first.hubs.count() === 0 && !first.hubs.have('bell'), 'the second to have gone')
  })

  test('a client that comes to one of them is gone from the others, whatever else is there by its device', async () => {
    const wire = bus()
    await using first = join(wire.peers())
    await using second = join(wire.peers())
    first.connect('lamp')
    first.connect('lamp', 'its other client')
    await until(() => second.hubs.have('lamp'), 'the second to know of the lamp')
    second.connect('lamp')
    await until(() => first.sessions.size === 1, 'the first to let it go')
    expect([...first.sessions.keys()]).toEqual(['device:lamp:its other client'])
    expect([...second.sessions.keys()]).toEqual(['device:lamp:lamp'])
  })

  test('of a client that comes to all of them at once, one connection remains', async () => {
    const wire = bus()
    await using first = join(wire.peers())
    await using second = join(wire.peers())
    await using third = join(wire.peers())
    const all = [first, second, third]
    for (let round = 0; round < 20; round++) {
      for (const [n, hub] of all.entries()) {
        if (n === round % 3) await Bun.sleep(round)
        hub.connect(`lamp ${round}`)
      }
    }
    const connections = () => all.flatMap(({ sessions }) => [...sessions.keys()]).toSorted()
    const each = Array.from({ length: 20 }, (_, n) => `device:lamp ${n}:lamp ${n}`).toSorted()
    await until(() => connections().length === 20, 'one connection of each')
    expect(connections()).toEqual(each)
  })

  test('ten thousand that come at once are told in a few messages of less than 8,000 bytes', async () => {
    const wire = bus()
    await using first = join(wire.peers())
    await using second = join(wire.peers())
    await until(() => first.hubs.count() === 1 && second.hubs.count() === 1, 'both to know each other')
    const before = { calls: wire.calls, texts: wire.texts.length }
    for (let n = 0; n < 10_000; n++) first.connect(`0199a2c4-7d1e-7c3a-9b52-${String(n).padStart(12, '0')}`)
    await until(() => second.hubs.have('0199a2c4-7d1e-7c3a-9b52-000000009999'), 'the last of them')
    expect(wire.calls - before.calls).toBeLessThan(20)
    expect(wire.texts.length - before.texts).toBeLessThan(160)
    expect(Math.max(...wire.texts.map((text) => Buffer.byteLength(text)))).toBeLessThan(8000)
  })

  test('what was missed while nothing could be heard is made up for', async () => {
    const wire = bus()
    await using first = join(wire.peers())
    await using second = join(wire.peers())
    first.connect('lamp')
    await until(() => second.hubs.have('lamp'), 'the second to know of the lamp')
    wire.broken = true
    second.connect('lamp')
    first.connect('bell')
    await Bun.sleep(50)
    expect([first.sessions.size, second.hubs.have('bell')]).toEqual([2, false])
    wire.broken = false
    for (const { anew } of wire.listeners) anew()
    await until(() => second.hubs.have('bell'), 'the second to know of the bell')
    await until(() => first.sessions.size + second.sessions.size === 2, 'one connection of the lamp')
  })

  test('nothing is told where a database belongs to one process', async () => {
    await using alone = join(undefined)
    alone.connect('lamp')
    alone.disconnect('lamp')
    expect([alone.hubs.have('lamp'), alone.hubs.count()]).toEqual([false, 0])
  })

  test('whatever else comes over the channel is passed over', async () => {
    const wire = bus()
    await using first = join(wire.peers())
    for (const text of ['', '{', '[]', '{"from":1}', '{"from":"x","arrived":[1]}', 'null'])
      for (const { heard } of wire.listeners) heard(text)
    expect(first.hubs.count()).toBe(0)
  })
})

describe('another hub', () => {
  test('that is not heard for seven seconds has gone, unless nobody could be heard', () => {
    let now = 0
    const others = createOthers(() => now)
    others.heard({ from: 'one', here: ['lamp'] })
    now = 6900
    others.heard({ from: 'two', arrived: ['device:bell:its client', 'user:ada:hers'] })
    others.forgetSilent()
    expect([others.have('lamp'), others.have('bell')]).toEqual([true, true])
    now = 7100
    others.forgetSilent()
    expect([others.have('lamp'), others.have('bell'), others.count()]).toEqual([false, true, 1])
    now = 60_000
    others.excuse()
    others.forgetSilent()
    expect(others.have('bell')).toBe(true)
  })
})

describe('what other hubs are known by', () => {
  test('is told with whatever they say', async () => {
    const wire = bus()
    await using first = join(wire.peers())
    await using second = join(wire.peers())
    await until(() => first.hubs.nodes()?.has(second.node) === true, 'the second to be known')
    expect(second.hubs.nodes()).toEqual(new Set([first.node]))
  })

  test('is known of all of them, or not at all', () => {
    const others = createOthers(() => 0)
    expect(others.nodes()).toEqual(new Set())
    others.heard({ from: 'one', node: 'a' })
    others.heard({ from: 'two', node: 'b' })
    expect(others.nodes()).toEqual(new Set(['a', 'b']))
    others.heard({ from: 'an older one' })
    expect(others.nodes()).toBeUndefined()
    others.gone('an older one')
    others.gone('one')
    expect(others.nodes()).toEqual(new Set(['b']))
  })
})

describe('names in parts', () => {
  test.each([
    [[], []],
    [['a', 'b'], [['a', 'b']]],
    [
      ['a'.repeat(6000), 'b'.repeat(6000), 'c'],
      [['a'.repeat(6000)], ['b'.repeat(6000), 'c']]
    ],
    [
      ['é'.repeat(3000), '"'.repeat(3000)],
      [['é'.repeat(3000)], ['"'.repeat(3000)]]
    ]
  ])('%#', (names, parts) => expect(inParts(names)).toEqual(parts))
})
