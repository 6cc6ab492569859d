import { describe, expect, test } from 'bun:test'
import { createDirectRoutes, createForwarding } from '../../src/app.ts'
import { defaultLimits } from '../../src/features/accounts/limits.ts'
import { serveHttp } from '../../src/http.ts'
import { createWebSocketConnections } from '../../src/mqtt/websocket.ts'
import { onOneHub } from '../support/balanced.ts'
import { databaseName } from '../support/databases.ts'
import { deploy, type TestHub, testDevice, testHub } from '../support/hub.ts'
import { exchange } from '../support/sockets.ts'
import { direct, get, image, others, requestOf, type Secrets, seen, unknown } from './direct-requests.ts'

/** A hub with a lamp that has a deployment (1), another application's deployment (2), and a bare device. */
async function fleet(env: Record<string, string> = {}) {
  const hub = await testHub({ env })
  const ada = await hub.user('ada')
  const secrets: Secrets = {
    lamp: (await testDevice(ada, 'lamp', { app: 'blinker' })).secret,
    bare: (await testDevice(ada, 'bare')).secret
  }
  await deploy(ada, 'blinker', image)
  await ada.call('POST /ada/apps', { app_name: 'alarm' })
  await deploy(ada, 'alarm', image)
  return { hub, secrets }
}

const isDirect = (hub: TestHub, request: Request) => createDirectRoutes(hub.hub)(request, hub.app.server) !== undefined

describe(`in front of Elysia, on ${databaseName}`, () => {
  test('what is asked for all the time is answered, and just as Elysia’s routes do', async () => {
    const { hub, secrets } = await fleet()
    await using _ = hub
    for (const [name, asked] of direct) {
      const request = (base: string) => requestOf(asked, base, secrets)
      expect([name, isDirect(hub, request('http://hub.test'))]).toEqual([name, true])
      const byElysia = await seen(await hub.app.handle(request('http://hub.test')))
      expect([name, await seen(await fetch(request(hub.base)))]).toEqual([name, byElysia])
    }
  })

  test('everything else is left to Elysia', async () => {
    const { hub, secrets } = await fleet()
    await using _ = hub
    for (const [name, asked] of others) {
      const request = requestOf(asked, 'http://hub.test', secrets)
      expect([name, isDirect(hub, request)]).toEqual([name, false])
    }
  })

  onOneHub('over bare sockets both are the same, byte by byte', async () => {
    const { hub, secrets } = await fleet()
    await using _ = hub
    const { server } = hub.app
    const sockets = createWebSocketConnections(hub.broker)
    const plain = serveHttp(hub.hub, { app: hub.app, direct: () => undefined, forwarding: createForwarding(hub.hub), sockets })
    hub.app.server = server
    const image = `/devices/${secrets.lamp}/image`
    const beat = `/devices/${secrets.lamp}/heartbeat?status=ready`
    const end = 'Connection: close\r\n\r\n'
    const requests = [
      `GET ${image} HTTP/1.0\r\nRange: bytes=0-9\r\n${end}`,
      `GET ${image} HTTP/1.0\r\nHost: h\r\nRange: bytes=0-9\r\n${end}`,
      `GET ${image} HTTP/1.1\r\nHost: hub.local:3000\r\nRange: bytes=0-9\r\n${end}`,
      `GET ${image} HTTP/1.1\r\nRange: bytes=0-9\r\n${end}`,
      `GET http://hub.local${image} HTTP/1.1\r\nHost: hub.local\r\nRange: bytes=0-9\r\n${end}`,
      `GET http://a${image} HTTP/1.1\r\nHost: hub.local\r\nRange: bytes=0-9\r\n${end}`,
      `GET ${image} HTTP/1.1\r\nHost: a/devices/x/image?\r\nRange: bytes=0-9\r\n${end}`,
      `HEAD ${image} HTTP/1.1\r\nHost: hub.local\r\nRange: bytes=0-9\r\n${end}`,
      `HEAD ${image} HTTP/1.0\r\n${end}`,
      `PUT ${beat} HTTP/1.0\r\nContent-Length: 6\r\n\r\na line`,
      `PUT ${beat} HTTP/1.0\r\n\r\n`,
      `PUT ${beat} HTTP/1.1\r\nHost: hub.local\r\nTransfer-Encoding: chunked\r\n${end}6\r\na line\r\n0\r\n\r\n`,
      `PUT ${beat} HTTP/1.1\r\nHost: hub.local\r\nContent-Length: 70000\r\n${end}${'x'.repeat(70_000)}`,
      `PUT ${beat}\u00e9 HTTP/1.1\r\nHost: hub.local\r\nContent-Length: 0\r\n${end}`,
      `PUT /devices/${unknown}/heartbeat HTTP/1.1\r\nHost: hub.local\r\nContent-Length: 0\r\n${end}`,
      `PUT /devices/%00/heartbeat HTTP/1.1\r\nHost: hub.local\r\nContent-Length: 0\r\n${end}`
    ]
    try {
      for (const request of requests) {
        const said = async (port: number) => withoutIds((await exchange(port, request, isWhole)).toString('latin1'))
        expect([request, await said(hub.ports.http)]).toEqual([request, await said(plain.port)])
      }
    } finally {
      await plain.stop(0)
    }
  })

  test('each of many ranges at once has its own headers and bytes', async () => {
    const { hub, secrets } = await fleet()
    await using _ = hub
    const lengths = Array.from({ length: 200 }, (_, i) => i + 1)
    const answers = await Promise.all(
      lengths.map((length) =>
        hub.send(`GET /devices/${secrets.lamp}/image`, undefined, { headers: { range: `bytes=${length}-${2 * length - 1}` } })
      )
    )
    for (const [i, answer] of answers.entries()) {
      const length = i + 1
      expect(answer.headers.get('content-range')).toBe(`bytes ${length}-${2 * length - 1}/10000`)
      expect(answer.headers.get('content-length')).toBe(String(length))
      expect(await answer.bytes()).toEqual(image.subarray(length, 2 * length))
    }
  })

  onOneHub('wrong secrets are counted and held up as by Elysia', async () => {
    const tries = { points: 3, duration: 60 }
    const limits = { ...defaultLimits, deviceSecret: tries }
    await using hub = await testHub({ limits })
    const route = `PUT /devices/${unknown}/heartbeat?status=ready`
    const answers = []
    for (let n = 0; n < 4; n++) answers.push(await hub.send(route))
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 429])
    expect(Number(answers[3]?.headers.get('retry-after'))).toBeGreaterThan(0)
    // Elysia's route has the same count: another way in is no other chance.
    expect((await hub.send(`GET /devices/${unknown}/image/`)).status).toBe(429)
    const metrics = await (await hub.send('GET /metrics')).text()
    expect(metrics).toContain('updraft_refusals_total{over="http",reason="missing"} 3')
    expect(metrics).toContain('updraft_refusals_total{over="http",reason="tooMany"} 2')
  })

  onOneHub('what nobody foresaw is a 500 that tells nothing, logged once under the id that the answer carries', async () => {
    const { hub, secrets } = await fleet()
    await using _ = hub
    const fault = Object.assign(new Error('params: hunter2'), { query: 'select' })
    Object.assign(hub.hub.reports, { heartbeat: () => Promise.reject(fault) })
    const response = await hub.send(`PUT /devices/${secrets.lamp}/heartbeat?status=ready`)
    expect([response.status, await response.json()]).toEqual([500, { error: 'Internal server error', reasons: [] }])
    const lines = hub.logged().split('\n')
    expect(lines.filter((line) => line.includes('unexpected error'))).toEqual([
      expect.stringContaining(response.headers.get('x-request-id') ?? 'none')
    ])
    expect(hub.logged()).not.toContain('hunter2')
  })

  onOneHub('requests are logged as Elysia’s are: by pattern, at debug', async () => {
    const { hub, secrets } = await fleet({ LOG_LEVEL: 'debug' })
    await using _ = hub
    const lines = () =>
      hub
        .logged()
        .split('\n')
        .filter((line) => line.includes('"/devices/:secret/'))
        .map(fieldsOf)
    for (const path of [`/devices/${secrets.lamp}/image`, `/devices/${unknown}/image`]) {
      const [before, answer] = [lines().length, await hub.send(`GET ${path}`)]
      await hub.send(`GET ${path}/`)
      await hub.call('GET /health') // the line of an answer of Elysia's comes after it
      const [own, ofElysia] = lines().slice(before)
      expect(own).toMatchObject({
        level: 20,
        method: 'GET',
        route: '/devices/:secret/image',
        status: answer.status,
        msg: 'request'
      })
      expect(own?.requestId).toBe(answer.headers.get('x-request-id') ?? own?.requestId)
      expect({ ...own, requestId: '', time: 0, ms: 0 }).toEqual({ ...ofElysia, requestId: '', time: 0, ms: 0 })
    }
  })

  test('a browser of another origin gets its headers from Elysia, a device does not need them', async () => {
    const { hub, secrets } = await fleet({ CORS_ORIGINS: 'https://panel.example.org' })
    await using _ = hub
    const origin = 'https://panel.example.org'
    for (const asked of [get('', { origin }), { route: `GET /devices/${unknown}/image`, headers: { origin } }]) {
      const byElysia = await seen(await hub.app.handle(requestOf(asked, 'http://hub.test', secrets)))
      expect(byElysia.headers['access-control-allow-origin']).toBe(origin)
      expect(await seen(await fetch(requestOf(asked, hub.base, secrets)))).toEqual(byElysia)
    }
    expect((await hub.send(`GET /devices/${secrets.lamp}/image`)).headers.get('access-control-allow-origin')).toBeNull()
  })
})

const withoutIds = (text: string) => text.replace(/^date: .*\r\n/im, '').replace(/^(x-request-id): .*$/im, '$1')

/** An answer to `Connection: close` ends by itself; one that does not is over with the bytes that it names. */
function isWhole(received: Buffer) {
  const text = received.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const length = text.match(/\r\ncontent-length: *(\d+)/i)?.[1]
  return end >= 0 && length !== undefined && received.length >= end + 4 + Number(length)
}

const fieldsOf = (line: string) => JSON.parse(line) as Record<string, unknown>
