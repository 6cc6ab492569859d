import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { zipOf } from '../../scripts/demo/zip.ts'
import { operationsOf, readDocument } from '../apis/hub/docs-reader.ts'
import { watchingHub } from '../support/github.ts'
import { type TestHub, testDevice, testHub } from '../support/hub.ts'
import { has } from '../support/needs.ts'
import { openSwagger, type SwaggerPage, startBrowser } from './swagger-page.ts'

const here = has('chromium', 'apt-get install chromium')
const longest = 300_000

// What a reader does from top to bottom with the examples as they are filled in, each operation once, what destroys last.
const story = [
  'GET /api/v1/users',
  'PUT /api/v1/users/{id}/role',
  'GET /health',
  'GET /metrics',
  'POST /register',
  'POST /login',
  'GET /me',
  'POST /auth',
  'POST /teams',
  'GET /teams',
  'PUT /teams/{team}/members/{username}',
  'GET /teams/{team}/members',
  'POST /repos',
  'GET /repos',
  'PATCH /repos',
  'POST /files',
  'POST /tasks',
  'GET /tasks',
  'POST /tasks/{id}',
  'GET /tasks/{id}/status',
  'GET /tasks/{id}/logs',
  'DELETE /tasks/{id}',
  'DELETE /repos/{id}',
  'POST /{team}/devices',
  'GET /{team}/devices',
  'POST /{team}/devices/{name}',
  'POST /{team}/apps',
  'GET /{team}/apps',
  'POST /{team}/apps/{app}/devices',
  'POST /apps/{app}/deployments',
  'POST /{team}/apps/{app}/deployments',
  'POST /apps/{app}/builds',
  'POST /{team}/apps/{app}/builds',
  'GET /{team}/apps/{app}/builds/{id}',
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

/** What a reader copies from one answer into the next question. */
type Known = { user: string; repo: string; task: string; secret: string }

const source = Buffer.from(zipOf([{ name: 'main.c', data: 'void start(void) {}' }]))
const files: [end: string, file: Buffer][] = [
  ['/deployments', Buffer.from('firmware')],
  ['/builds', source],
  ['POST /files', source]
]

function givenFor(route: string, { user, repo, task, secret }: Known) {
  const ids: [start: string, id: string][] = [
    ['/repos/', repo],
    ['/tasks/', task],
    ['/users/', user]
  ]
  const id = ids.find(([part]) => route.includes(part))?.[1]
  const parameters = { ...(route.includes('{secret}') ? { secret } : {}), ...(route.includes('{id}') && id ? { id } : {}) }
  const replace: [RegExp, string] | undefined = route === 'POST /tasks' ? [/[0-9a-f]{24}/, repo] : undefined
  return { parameters, file: files.find(([end]) => route.endsWith(end))?.[1], replace }
}

function learn(known: Known, route: string, body: string) {
  const id = body.match(/"id": "([0-9a-f]{24})"/)?.[1] ?? ''
  if (route === 'POST /repos') known.repo = id
  if (route === 'POST /tasks') known.task = id
  known.secret = body.match(/"device_secret": "(\w+)"/)?.[1] ?? known.secret
}

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
    'a GitHub token under Authorize goes along with access_token on /repos, and nowhere else',
    async () => {
      await using t = await watchingHub()
      const user = await t.user('edith')
      t.github.accept('ghp_edith')
      await using swagger = await openSwagger(browser, t.base)
      await swagger.authorize('access_token', user.token)
      await swagger.authorize('github', 'ghp_edith')
      expect(await swagger.tryOut('postRepos')).toMatchObject({ status: 201 })
      expect(t.github.asked.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer ghp_edith'])
      const { sent } = await swagger.tryOut('getRepos')
      expect([sent.access_token, sent.authorization]).toEqual([user.token, undefined])
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
      await using t = await watchingHub({ env: { DOCKER_HOST: 'unix:///nowhere', BUILDER_IMAGE_ESP8266: 'localhost/none' } })
      const someone = await t.user('edith')
      const { id } = (await someone.call('GET /me')).body as { id: string }
      await using swagger = await openSwagger(browser, t.base)
      await swagger.authorize('access_token', (await t.root()).token)
      const operations = new Map(operationsOf(await readDocument(t)).map((operation) => [operation.route, operation]))
      expect([...story].toSorted()).toEqual([...operations.keys()].toSorted())
      const known: Known = { user: id, repo: '', task: '', secret: '' }
      for (const route of story) {
        const { operationId = '', responses = {} } = operations.get(route) ?? {}
        const tried = await swagger.tryOut(operationId, givenFor(route, known))
        const done = Number(Object.keys(responses).find((status) => status.startsWith('2')))
        expect([route, tried.status, tried.body]).toEqual([route, done, expect.any(String)])
        learn(known, route, tried.body)
        const token = tried.body.match(/"access_token": "(\S+)"/)?.[1]
        if (token) await swagger.authorize('access_token', token)
      }
      expectOnlyTheHub(swagger, t)
    },
    longest
  )
})

function expectOnlyTheHub({ requested, complaints }: SwaggerPage, { base }: Pick<TestHub, 'base'>) {
  const others = requested.filter((url) => !/^(data|blob):/.test(url) && new URL(url).origin !== base)
  expect(others).toEqual([])
  expect(requested.filter((url) => url.startsWith(`${base}/swagger/`)).length).toBeGreaterThan(4)
  expect(complaints).toEqual([])
}
