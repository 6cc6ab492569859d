import { describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { watchStalls } from '../../../src/mqtt/guards/stalls.ts'
import { testHub } from '../../support/hub.ts'
import { asUser, packetClient, within } from '../../support/mqtt.ts'
import { silentSocket } from '../../support/sockets.ts'

/** Two ends of a connection. */
async function pair() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const [far, [near]] = await Promise.all([silentSocket(port), once(server, 'connection') as Promise<[Socket]>])
  near.on('error', () => {})
  server.close()
  return { near, far }
}

/** Fills a connection until no more of it is taken. */
async function fill(near: Socket, far: { pause(): void }) {
  far.pause()
  while (!near.writableNeedDrain) {
    near.write(Buffer.alloc(64 * 1024))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('a connection without a keep-alive', () => {
  test('that takes nothing of what it is sent is ended; one that takes a little or has nothing to take stays', async () => {
    const frozen = await pair()
    const idle = await pair()
    const slow = await pair()
    await fill(frozen.near, frozen.far)
    await fill(slow.near, slow.far)
    const cut = Promise.withResolvers<Socket>()
    const taking = setInterval(() => {
      slow.near.write('x')
      slow.far.resume()
      setTimeout(() => slow.far.pause(), 5)
    }, 15)
    const streams = [idle.near, slow.near, frozen.near]
    const stop = watchStalls({ streams, stalledFor: 400, cutOff: (stream) => cut.resolve(stream as Socket) })
    expect(await within(cut.promise, 'one to be cut off')).toBe(frozen.near)
    stop()
    clearInterval(taking)
    for (const { near } of [frozen, idle, slow]) near.destroy()
  })

  test('may be silent for as long as it likes [MQTT-3.1.2-24]', async () => {
    await using hub = await testHub({ mqttLimits: { stalledFor: 20, signInWithin: 50 } })
    const ada = await hub.user('ada')
    await using user = await packetClient(hub, { ...asUser(ada), keepalive: 0 })
    await new Promise((resolve) => setTimeout(resolve, 200))
    user.send({ cmd: 'pingreq' })
    expect(await user.next()).toMatchObject({ cmd: 'pingresp' })
  })
})
