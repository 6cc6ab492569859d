import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { operationsOf, readDocument } from '../apis/hub/docs-reader.ts'
import { type TestHub, testDevice, testHub } from '../support/hub.ts'
import { has } from '../support/needs.ts'
import { openSwagger, type SwaggerPage, startBrowser } from './swagger-page.ts'

const here = has('chromium', 'apt-get install chromium')
const longest = 360_000

// What a reader does from top to bottom with the examples as they are filled in, each operation once, what destroys last.
const story = [
  'GET /api/v1/users',
  'PUT /api/v1/users/{id}/role',
  'POST /api/v1/applications',
  'GET /api/v1/applications',
  'GET /api/v1/applications/{id}',
  'PUT /api/v1/applications/{id}',
  'POST /api/v1/applications/{id}/regenerate-key',
  'POST /api/v1/logs',
  'GET /api/v1/logs',
  'GET /api/v1/logs/verify-chain',
  'DELETE /api/v1/applications/{id}',
  'DELETE /api/v1/applications/{id}/hard-delete',
  'GET /health',
  'GET /metrics',
  'POST /register',
  'POST /login',
  'GET /me',
  'POST /applications',
  'GET /applications',
  'POST /applications/{id}/builds',
  'GET /applications/{id}/builds',
  'POST /applications/latest-version',
  'POST /builds/success',
  'POST /builds/failure',
  'GET /applications/{id}/clients',
  'GET /downloads/{id}/{name}',
  'PATCH /applications/{id}/builds/{build_id}',
  'POST /auth',
  'POST /teams',
  'GET /teams',
  'PUT /teams/{team}/members/{username}',
  'GET /teams/{team}/members',
  'POST /{team}/devices',
  'GET /{team}/devices',
  'POST /{team}/devices/{name}',
  'POST /{team}/apps',
  'GET /{team}/apps',
  'POST /{team}/apps/{app}/devices',
  'POST /apps/{app}/deployments',
  'POST /{team}/apps/{app}/deployments',
  'GET /devices/{secret}/image',
  'PUT /devices/{secret}/heartbeat',
  'PUT /{team}/devices/{name}/relauch',
  'PUT /{team}/devices/{name}/relaunch',
  'GET /{team}/devices/{name}/log',
  'GET /events',
  'DELETE /{team}/devices/{name}',
  'DELETE /{team}/apps/{app}',
  'DELETE /teams/{team}/members/{username}',
  'DELETE /teams/{team}',
  'DELETE /auth'
]

describe.skipIf(!here)('Swagger UI in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser()
  }, longest)
  afterAll(() => browser?.close())

  test(
    'shows every operation, asks for nothing but the hub, and says nothing to the console',
    async () => {
      await using t = await testHub()
      await using swagger = await openSwagger(browser, t.base)
      const operations = operationsOf(await readDocument(t))
      expect((await swagger.shown()).toSorted()).toEqual(operations.map(({ operationId = '' }) => operationId).toSorted())
      expectOnlyTheHub(swagger, t)
    },
    longest
  )

  test(
    'access_token under Authorize lets a device be registered by its filled-in example',
    async () => {
      await using t = await testHub()
      const user = await t.user('edith')
      await using swagger = await openSwagger(browser, t.base)
      expect(await swagger.tryOut('postByTeamDevices', { parameters: { team: 'edith' } })).toMatchObject({ status: 401 })
      await swagger.authorize('access_token', user.token)
      const tried = await swagger.tryOut('postByTeamDevices', { parameters: { team: 'edith' } })
      expect(tried).toMatchObject({ status: 200, body: expect.stringMatching(/"device_secret": "[0-9a-f]{40}"/) })
      expect([tried.sent.access_token, tried.sent.authorization]).toEqual([user.token, undefined])
      expect(await user.call('GET /edith/devices')).toMatchObject({ body: { devices: [{ name: 'lamp', tag: 'kitchen' }] } })
    },
    longest
  )

  test(
    'bearer alone will do',
    async () => {
      await using t = await testHub()
      const user = await t.user('edith')
      await using swagger = await openSwagger(browser, t.base)
      await swagger.authorize('bearer', user.token)
      const tried = await swagger.tryOut('getMe')
      expect(tried).toMatchObject({ status: 200, body: expect.stringContaining('"username": "edith"') })
      expect([tried.sent.access_token, tried.sent.authorization]).toEqual([undefined, `Bearer ${user.token}`])
    },
    longest
  )

  test(
    'shows the first seconds of an answer that does not end',
    async () => {
      await using t = await testHub()
      const user = await t.user('ada')
      const { secret } = await testDevice(user, 'lamp')
      await t.call(`PUT /devices/${secret}/heartbeat?status=ready`, undefined, { raw: 'booted\nwarm\n' })
      await using swagger = await openSwagger(browser, t.base)
      await swagger.authorize('access_token', user.token)
      const tried = await swagger.tryOut('getByTeamDevicesByNameLog', { parameters: { follow: 'true' } })
      expect(tried).toMatchObject({ status: 200, body: expect.stringMatching(/booted\s+warm/) })
    },
    longest
  )

  test(
    'lets every operation be tried out with what is filled in',
    async () => {
      await using t = await testHub()
      const someone = await t.user('edith')
      const { id } = (await someone.call('GET /me')).body as { id: string }
      await using swagger = await openSwagger(browser, t.base)
      await swagger.authorize('access_token', (await t.root()).token)
      const operations = new Map(operationsOf(await readDocument(t)).map((operation) => [operation.route, operation]))
      expect([...story].toSorted()).toEqual([...operations.keys()].toSorted())
      const made: Made = { '/users/{id}': { id } }
      for (const route of story) {
        const { operationId = '', responses = {} } = operations.get(route) ?? {}
        const tried = await swagger.tryOut(operationId, {
          parameters: inPath(route, made),
          ...(published.test(route) ? { file: Buffer.from('firmware') } : {}),
          ...(asked.test(route) ? { body: { app_id: made['/applications/{id}']?.id ?? '' } } : {})
        })
        const done = Number(Object.keys(responses).find((status) => status.startsWith('2')))
        expect([route, tried.status, tried.body]).toEqual([route, done, expect.any(String)])
        Object.assign(made, madeBy(route, tried.body))
        for (const [scheme, credential] of credentialsIn(tried.body)) await swagger.authorize(scheme, credential)
      }
      expectOnlyTheHub(swagger, t)
    },
    longest
  )
})

const published = /^POST .*\/(deployments|builds)$/
const asked = /^POST \/(applications\/latest-version|builds\/)/

/** Parameters that the examples cannot know, by what the routes have in them that they are for. */
type Made = Record<string, Record<string, string>>

/** What an answer has made that paths to come have in them. */
function madeBy(route: string, body: string): Made {
  const secret = body.match(/"device_secret": "(\w+)"/)?.[1]
  const id = /^POST (\/api\/v1)?\/applications$/.test(route) ? body.match(/"id": "(\S+)"/)?.[1] : undefined
  const build = body.match(/"build_id": "(\S+)"/)?.[1]
  return {
    ...(secret ? { '{secret}': { secret } } : {}),
    ...(id
      ? { '/applications/{id}': { id }, '/verify-chain': { application_id: id }, '/hard-delete': { id, force: 'true' } }
      : {}),
    ...(build ? { '{build_id}': { build_id: build }, '/downloads/{id}': { id: build } } : {})
  }
}

/** The credentials that an answer shows, by the scheme that they go by. */
function credentialsIn(body: string) {
  const shown = { access_token: /"access_token": "(\S+)"/, api_key: /"apiKey": "(\S+)"/ }
  return Object.entries(shown).flatMap(([scheme, pattern]) => {
    const credential = body.match(pattern)?.[1]
    return credential ? [[scheme, credential] as const] : []
  })
}

/** What is to be filled in for a route, from what the operations before it have made. */
const inPath = (route: string, made: Made): Record<string, string> =>
  Object.assign({}, ...Object.entries(made).flatMap(([part, parameters]) => (route.includes(part) ? [parameters] : [])))

function expectOnlyTheHub({ requested, complaints }: SwaggerPage, { base }: TestHub) {
  const others = requested.filter((url) => !/^(data|blob):/.test(url) && new URL(url).origin !== base)
  expect(others).toEqual([])
  expect(requested.filter((url) => url.startsWith(`${base}/swagger/`)).length).toBeGreaterThan(4)
  expect(complaints).toEqual([])
}
