import { describe, expect, test } from 'bun:test'
import { decodeJwt, SignJWT } from 'jose'
import { databaseName } from '../support/databases.ts'
import { jwtSecret, testDevice, testHub } from '../support/hub.ts'

const json = { 'content-type': 'application/json' }
const lamp = { device_name: 'lamp', board: 'esp8266' }

describe(`bad input on ${databaseName}`, () => {
  test.each([
    ['{"device_name":', 'The body is not valid JSON'],
    ['', undefined],
    ['[]', 'The body must be a JSON object'],
    ['"text"', 'The body must be a JSON object'],
    ['null', 'The body must be a JSON object'],
    ['{"device_name":"a\\u0000b","board":"esp8266"}', 'The input must not contain NUL characters'],
    ['\u0000', 'The body is not valid JSON']
  ])('a body of %j', async (raw, error) => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const answer = await ada.call('POST /ada/devices', undefined, { raw, headers: json })
    expect(answer.status).toBe(422)
    if (error) expect(answer.body).toEqual({ error, reasons: [error] })
    expect((await hub.call('POST /login', undefined, { raw, headers: json })).status).toBe(400)
  })

  test.each([
    ['device_name', 5],
    ['device_name', null],
    ['device_name', ['lamp']],
    ['device_name', { $ne: '' }],
    ['device_name', 'x'.repeat(65)],
    ['device_name', 'x'.repeat(60_000)],
    ['device_name', 'lamp\n'],
    ['device_name', '../lamp'],
    ['device_name', '+'],
    ['device_name', '#'],
    ['board', 'esp32'],
    ['board', 8266],
    ['tag', 5],
    ['tag', {}],
    ['tag', 'x'.repeat(65)],
    ['tag', 'a\u0001b']
  ])('%s: %j', async (field, value) => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const answer = await ada.call('POST /ada/devices', { ...lamp, [field]: value })
    expect(answer).toMatchObject({ status: 422, body: { error: 'Validation failed', reasons: [expect.stringContaining(field)] } })
    expect((await ada.call('GET /ada/devices')).body).toEqual({ devices: [] })
  })

  test('a JSON body over 64 KiB is refused, with and without Content-Length', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const big = JSON.stringify({ ...lamp, padding: 'x'.repeat(70_000) })
    const stream = new Response(big).body
    expect((await ada.call('POST /ada/devices', undefined, { raw: big, headers: json })).status).toBe(413)
    expect((await ada.call('POST /ada/devices', undefined, { raw: stream, headers: json })).status).toBe(413)
  })

  test('unknown fields are ignored, prototype tricks too', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const raw = '{"device_name":"lamp","board":"esp8266","colour":"red","__proto__":{"status":"running"},"constructor":{}}'
    expect((await ada.call('POST /ada/devices', undefined, { raw, headers: json })).status).toBe(200)
    expect((await ada.call('GET /ada/devices')).body).toMatchObject({ devices: [{ name: 'lamp', status: 'new' }] })
  })

  test('malformed names in a path are not there', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    for (const path of [
      '/ada/apps/blinker/builds/%ff',
      '/ada/apps/%ff/builds/1',
      '/tasks/%ff/status',
      '/tasks/%00/logs',
      '/a%00b/devices',
      '/ada/devices/%00',
      '/%F0%9F%92%A9/devices',
      '/ada/devices/%ff/log',
      `/${'x'.repeat(5000)}/devices`,
      "/'%20or%201=1/devices"
    ]) {
      expect((await ada.call(`GET ${path}`)).status).toBe(404)
    }
    expect((await ada.call('DELETE /ada/devices/%00')).status).toBe(404)
    expect((await ada.call('PUT /ada/devices/%2e%2e/relauch')).status).toBe(404)
    expect((await hub.call('PUT /devices/%00/heartbeat?status=ready')).status).toBe(404)
    expect(hub.logged()).not.toContain('unexpected error')
  })

  test('NUL in a query string is refused, once who is asking is known', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await testDevice(ada, 'lamp')
    const message = 'The input must not contain NUL characters'
    for (const query of ['name=%00', 'search=%00', 'cursor=a%00'])
      expect([query, await hub.call(`GET /v1/packages?${query}`)]).toEqual([query, { status: 400, body: { message } }])
    expect(await hub.call('GET /v1/packages/x/recipes/1.0.0?revision=%00')).toEqual({ status: 400, body: { message } })
    expect(await ada.call('GET /applications?cursor=%00')).toEqual({ status: 400, body: { message } })
    expect((await hub.call('GET /applications?cursor=%00')).status).toBe(401)
    expect(await ada.call('GET /ada/devices/lamp/log?since=%00')).toMatchObject({ status: 422 })
    expect((await hub.call('GET /v1/packages?search=%2500')).status).toBe(200)
    expect(hub.logged()).not.toContain('unexpected error')
  })

  test('halves of surrogate pairs are refused, whatever the field', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { id } = (await ada.call('GET /me')).body as { id: string }
    const send = (route: string, name: string) => ada.call(route, undefined, { raw: `{"name":"${name}"}`, headers: json })
    for (const route of [`POST /v1/users/${id}/cli-keys`, 'POST /applications']) {
      for (const name of ['a\\ud800b', '\\uDC00', '\\\\\\ud800'])
        expect([name, await send(route, name)]).toEqual([
          name,
          { status: 400, body: { message: 'The input must be well-formed Unicode' } }
        ])
      for (const name of ['\\ud83d\\udca9', '\\\\ud800']) expect([name, (await send(route, name)).status]).toEqual([name, 201])
    }
    expect(hub.logged()).not.toContain('unexpected error')
  })

  test('an unknown path is 404 in the shape of the nearest document', async () => {
    await using hub = await testHub()
    expect(await hub.call('GET /applications/none')).toEqual({ status: 404, body: { message: 'Not found' } })
    expect(await hub.call('GET /repos/none')).toEqual({ status: 404, body: { message: 'Not found' } })
    expect(await hub.call('GET /v1/none')).toEqual({ status: 404, body: { message: 'Not found' } })
    expect(await hub.call('GET /api/v1/none')).toEqual({ status: 404, body: { success: false, message: 'Not found' } })
    expect(await hub.call('GET /ada/none')).toEqual({ status: 404, body: { error: 'Not found', reasons: [] } })
    expect(await hub.call('GET /')).toMatchObject({ status: 404 })
  })
})

describe(`who is asking, on ${databaseName}`, () => {
  test('is checked before what they sent', async () => {
    await using hub = await testHub()
    for (const [route, raw] of [
      ['POST /ada/devices', '{broken'],
      ['POST /ada/devices', '{}'],
      ['POST /apps/blinker/deployments', 'x'],
      ['PUT /teams/acme/members/eve', '{broken'],
      ['POST /ada/devices', 'x'.repeat(70_000)]
    ] as const) {
      expect((await hub.call(route, undefined, { raw, headers: json })).status).toBe(401)
    }
  })

  test('401 for every kind of token that does not hold', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const sign = (secret: string, claims: object, header: { alg: string } = { alg: 'HS256' }) =>
      new SignJWT({ ...claims }).setProtectedHeader(header).sign(new TextEncoder().encode(secret))
    const now = Math.floor(Date.now() / 1000)
    const good = { ...decodeJwt(ada.token), iat: now, exp: now + 60 }
    expect((await hub.as(await sign(jwtSecret, good)).call('GET /me')).status).toBe(200)
    const { exp: _exp, ...endless } = good
    const unsigned = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(good))}.`.replaceAll('=', '')
    const bad = [
      await sign('another secret, also long enough to sign with', good),
      await sign(jwtSecret, { ...good, exp: now - 1 }),
      await sign(jwtSecret, endless),
      await sign(jwtSecret, { ...good, iss: 'another hub' }),
      await sign(jwtSecret, good, { alg: 'HS512' }),
      await sign(jwtSecret, { ...good, sub: '00000000-0000-7000-8000-000000000000' }),
      await sign(jwtSecret, { ...good, pwd: 'of another one' }),
      unsigned,
      `${ada.token}x`,
      'nonsense',
      ''
    ]
    for (const token of bad) expect((await hub.as(token).call('GET /me')).status).toBe(401)
  })

  test('401 for the token of a deleted user, at once, although it was good a moment ago', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect((await ada.call('GET /me')).status).toBe(200)
    await ada.call('DELETE /auth')
    expect((await ada.call('GET /me')).status).toBe(401)
    expect(await ada.call('POST /ada/devices', lamp)).toMatchObject({
      status: 401,
      body: { error: expect.any(String), reasons: [] }
    })
  })

  test('403 for somebody else’s team, on every route of it', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const eve = await hub.user('eve')
    await testDevice(ada, 'lamp', { app: 'blinker' })
    const routes: [string, object?][] = [
      ['GET /ada/devices'],
      ['POST /ada/devices', { ...lamp, device_name: 'spy' }],
      ['DELETE /ada/devices/lamp'],
      ['POST /ada/devices/lamp', { tag: 'x' }],
      ['PUT /ada/devices/lamp/relauch'],
      ['PUT /ada/devices/lamp/relaunch'],
      ['GET /ada/devices/lamp/log'],
      ['GET /ada/apps'],
      ['POST /ada/apps', { app_name: 'spy' }],
      ['DELETE /ada/apps/blinker'],
      ['POST /ada/apps/blinker/devices', { device_name: 'lamp' }],
      ['POST /ada/apps/blinker/deployments'],
      ['GET /teams/ada/members'],
      ['PUT /teams/ada/members/eve', { role: 'owner' }],
      ['DELETE /teams/ada/members/ada'],
      ['DELETE /teams/ada']
    ]
    for (const [route, body] of routes) expect([route, (await eve.call(route, body)).status]).toEqual([route, 403])
    expect((await eve.call('POST /apps/blinker/deployments')).status).toBe(404)
    expect((await ada.call('GET /ada/devices')).body).toMatchObject({ devices: [{ name: 'lamp', app: 'blinker', tag: null }] })
  })

  test('another team’s device cannot be associated, nor found', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const eve = await hub.user('eve')
    await testDevice(ada, 'lamp')
    await eve.call('POST /eve/apps', { app_name: 'spy' })
    expect((await eve.call('POST /eve/apps/spy/devices', { device_name: 'lamp' })).status).toBe(404)
    expect((await eve.call('GET /eve/devices/lamp/log')).status).toBe(404)
  })

  test('nothing secret is ever logged', async () => {
    await using hub = await testHub({ env: { LOG_LEVEL: 'trace' } })
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp', { app: 'blinker' })
    await hub.call(`PUT /devices/${secret}/heartbeat?status=ready`)
    await hub.call('POST /login', { email: ada.email, password: 'a wrong password' })
    await hub.call(`GET /me?access_token=${ada.token}`)
    const logged = hub.logged()
    expect(logged).toContain('/devices/:secret/heartbeat')
    for (const hidden of [secret, ada.token, 'correct horse', 'a wrong password', jwtSecret]) expect(logged).not.toContain(hidden)
  })
})
