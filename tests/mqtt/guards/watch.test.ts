import { describe, expect, test } from 'bun:test'
import type { AedesClient } from '../../../src/mqtt/guards/aedes.ts'
import { watch } from '../../../src/mqtt/guards/watch.ts'
import type { Wire } from '../../../src/mqtt/wire.ts'
import { testHub } from '../../support/hub.ts'
import { asUser, packetClient, within } from '../../support/mqtt.ts'
import { wires } from '../../support/wires.ts'

const never = Number.POSITIVE_INFINITY

/** What is watched of a connection; times are so many ms ago. */
function connection({ since = 0, blocked = never, heard = 0, keepalive = 0, signedIn = true, connecting = false }) {
  const now = performance.now()
  const principal = signedIn ? {} : undefined
  const client = { bucket: { at: now - heard, tokens: 1 }, keepalive, principal, connecting } as unknown as AedesClient
  return { since: now - since, blockedSince: blocked === never ? never : now - blocked, client } as Wire
}

describe('who is watched', () => {
  const limits = { signInWithin: 10_000, stalledFor: 400 }
  const cases = {
    'has taken nothing for too long': [connection({ blocked: 500 }), 'stalled'],
    'has taken nothing for a moment': [connection({ blocked: 1 }), undefined],
    'has been silent for longer than it said': [connection({ heard: 30_100, keepalive: 20 }), 'keep alive timeout'],
    'has been silent for no longer': [connection({ heard: 29_000, keepalive: 20 }), undefined],
    'may be silent for ever': [connection({ since: 1e9, heard: 1e9 }), undefined],
    'has not signed in in time': [connection({ since: 11_000, signedIn: false }), 'sign_in_timeout'],
    'has time to sign in': [connection({ since: 9000, signedIn: false }), undefined],
    'waits for an answer to its CONNECT': [connection({ since: 11_000, signedIn: false, connecting: true }), undefined]
  } as const
  test.each(Object.entries(cases))('and %s', async (_what, [wire, reason]) => {
    const late = connection({ blocked: 500 })
    const cut = new Map<Wire, Error>()
    const seen = Promise.withResolvers<void>()
    const stop = watch({
      wires: [wire, late],
      limits,
      cutOff(one, error) {
        cut.set(one, error)
        if (one === late) seen.resolve()
      }
    })
    await within(seen.promise, 'a look')
    stop()
    const error = cut.get(wire)
    expect(error && 'reason' in error ? error.reason : error?.message).toBe(reason)
  })
})

describe('a connection without a keep-alive', () => {
  test('that takes nothing of what it is sent is ended; one that takes a little or has nothing to take stays', async () => {
    await using set = await wires()
    const [frozen, idle, slow] = [await set.pair(), await set.pair(), await set.pair()]
    for (const { near, far } of [frozen, slow]) {
      far.pause()
      while (!near.writableNeedDrain) {
        near.write(Buffer.alloc(64 * 1024))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const taking = setInterval(() => {
      if (slow.near.writableLength < 1_000_000) slow.near.write(Buffer.alloc(64 * 1024))
      slow.far.read(1_000_000)
    }, 5)
    const cut = Promise.withResolvers<Wire>()
    const watched = [idle.near, slow.near, frozen.near]
    const stop = watch({ wires: watched, limits: { signInWithin: 10_000, stalledFor: 600 }, cutOff: (wire) => cut.resolve(wire) })
    expect(await within(cut.promise, 'one to be cut off')).toBe(frozen.near)
    stop()
    clearInterval(taking)
    for (const { near } of [frozen, idle, slow]) near.destroy()
  })

  test('may be silent for as long as it likes [MQTT-3.1.2-24]', async () => {
    await using hub = await testHub({ mqttLimits: { stalledFor: 20 } })
    const ada = await hub.user('ada')
    await using user = await packetClient(hub, { ...asUser(ada), keepalive: 0 })
    await new Promise((resolve) => setTimeout(resolve, 200))
    user.send({ cmd: 'pingreq' })
    expect(await user.next()).toMatchObject({ cmd: 'pingresp' })
  })
})
