import { describe, expect, test } from 'bun:test'
import { testDevice, testHub } from '../../support/hub.ts'
import { rawHttp } from '../../support/sockets.ts'
import { operationsOf, readDocument } from './docs-reader.ts'

describe('GET /swagger', () => {
  const assets: [path: string, type: string][] = [
    ['/swagger', 'text/html'],
    ['/swagger/start.js', 'text/javascript'],
    ['/swagger/swagger-ui-bundle.js', 'text/javascript'],
    ['/swagger/swagger-ui.css', 'text/css'],
    ['/swagger/index.css', 'text/css'],
    ['/swagger/favicon-32x32.png', 'image/png'],
    ['/swagger/json', 'application/json']
  ]

  test.each(assets)('%s is %s', async (path, type) => {
    await using t = await testHub()
    const response = await t.send(`GET ${path}`)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining(type)])
    expect((await response.bytes()).length).toBeGreaterThan(100)
  })

  test('names no other host, and lets the browser ask none', async () => {
    await using t = await testHub({ env: { PUBLIC_URL: 'https://hub.example.org' } })
    const page = await t.send('GET /swagger')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    const html = await page.text()
    const start = await t.call('GET /swagger/start.js')
    expect(`${html}${String(start.body)}`).not.toMatch(/(https?:)?\/\/\w/)
    expect(await t.call('GET /swagger/json')).not.toMatchObject({ body: { servers: expect.anything() } })
    const linked = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path)
    expect(linked.length).toBe(5)
    for (const path of linked) expect([path, (await t.call(`GET ${path}`)).status]).toEqual([path, 200])
  })

  const elsewhere = [
    '/swagger/unknown.js',
    '/swagger/package.json',
    '/swagger/swagger-ui.css.map',
    '/swagger/../package.json',
    '/swagger/..%2fpackage.json',
    '/swagger/%2e%2e/%2e%2e/package.json',
    '/swagger/..%5c..%5cpackage.json',
    '/swagger/%2fetc%2fpasswd',
    '/swagger/swagger-ui.css/../../package.json'
  ]

  test.each(elsewhere)('404 for %s', async (path) => {
    await using t = await testHub()
    const answer = await rawHttp(t.ports.http, `GET ${path} HTTP/1.1\r\nHost: hub.test\r\n\r\n`)
    expect(answer.status).toBe(404)
    expect(answer.body.toString()).not.toContain('root:')
  })
})

describe('the errors in GET /swagger/json', () => {
  const ofAda: [route: string, body: object | undefined, status: number][] = [
    ['POST /register', { email: 'ada@example.org', password: 'short' }, 400],
    ['POST /register', { email: 'ada@example.org', password: 'long enough' }, 400],
    ['POST /login', { email: 'ada@example.org', password: 'wrong' }, 401],
    ['POST /auth', { name: 'swagger', email: 'a@b', password: 'long enough', password_confirmation: 'long enough' }, 422],
    ['POST /ada/devices', { device_name: 'lamp', board: 'esp8266' }, 422],
    ['POST /ada/devices', { board: 'esp32' }, 422],
    ['GET /nobody/devices', undefined, 404],
    ['GET /grace/devices', undefined, 403],
    ['DELETE /ada/devices/none', undefined, 404],
    ['GET /ada/devices/lamp/log?since=yesterday', undefined, 422],
    ['POST /ada/apps', {}, 404],
    ['POST /ada/apps', { app_name: 'blinker' }, 404],
    ['POST /ada/apps/none/devices', { device_name: 'lamp' }, 404],
    ['POST /ada/apps/blinker/devices', {}, 422],
    ['POST /apps/none/deployments', undefined, 404],
    ['PUT /devices/0/heartbeat?status=ready', undefined, 404],
    ['POST /teams', { name: 'ada' }, 409],
    ['POST /teams', { name: 'teams' }, 409],
    ['DELETE /teams/ada', undefined, 400],
    ['PUT /teams/ada/members/ada', { role: 'viewer' }, 400],
    ['PUT /teams/ada/members/grace', { role: 'king' }, 400],
    ['PUT /teams/ada/members/nobody', { role: 'viewer' }, 404],
    ['DELETE /teams/ada/members/grace', undefined, 404],
    ['GET /events?after=x', undefined, 400]
  ]

  test('are what the hub answers', async () => {
    await using t = await testHub()
    const ada = await t.user('ada')
    await t.user('grace')
    await testDevice(ada, 'lamp', { app: 'blinker' })
    const operations = operationsOf(await readDocument(t))
    for (const [route, body, status] of ofAda) {
      const answer = await ada.call(route, body)
      expect([route, answer.status]).toEqual([route, status])
      const said = operations.filter((operation) => matches(operation.route, route))
      const examples = said.flatMap(({ responses }) =>
        Object.values(responses[status]?.content?.['application/json']?.examples ?? {})
      )
      expect(examples.map(({ value }) => value)).toContainEqual(answer.body as Record<string, unknown>)
    }
  })

  test('say what a caller without a token is told', async () => {
    await using t = await testHub({ env: { METRICS_TOKEN: 'a-token-for-prometheus' } })
    for (const { route, responses, security } of operationsOf(await readDocument(t))) {
      if (!security) continue
      const answer = await t.call(route.replaceAll(/\{\w+\}/g, 'ada'))
      const { examples = {} } = responses['401']?.content?.['application/json'] ?? {}
      expect([route, answer]).toEqual([route, { status: 401, body: Object.values(examples)[0]?.value }])
    }
  })
})

/** Whether a route of the document, such as `GET /{team}/devices`, is the one that a request goes to. */
function matches(documented: string, asked: string) {
  const [pattern, path] = [documented.split('/'), (asked.split('?')[0] ?? '').split('/')]
  return pattern.length === path.length && pattern.every((part, n) => part.startsWith('{') || part === path[n])
}
