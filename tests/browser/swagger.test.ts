import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { operationsOf, readDocument } from '../apis/hub/docs-reader.ts'
import { watchingHub } from '../support/github.ts'
import { ada as adaAtGithub, type PlayedSignIn, playSignIn } from '../support/github-sign-in.ts'
import { type TestHub, testDevice, testHub } from '../support/hub.ts'
import { has } from '../support/needs.ts'
import { credentialsIn, givenFor, type Made, madeBy, story } from './story.ts'
import { openSwagger, type SwaggerPage, startBrowser } from './swagger-page.ts'

const here = has('chromium', 'apt-get install chromium')
const longest = 600_000

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
    'a person signs in by GitHub, and Swagger UI has the token',
    async () => {
      await using signIns = playSignIn()
      await using t = await testHub({ env: signIns.env })
      await using swagger = await openSwagger(browser, t.base)
      const { page } = swagger
      const way = await page.getByRole('link', { name: 'sign in by GitHub' }).getAttribute('href')
      await page.goto(`${t.base}${way}`)
      await page.getByRole('heading', { name: 'Signed in' }).waitFor()
      expect(new URL(page.url()).origin).toBe(t.base)
      const token = await page.locator('#token').innerText()
      await page.getByRole('link', { name: 'Use it in Swagger UI' }).click()
      await page.locator('.opblock').first().waitFor()
      const tried = await swagger.tryOut('getMe')
      expect(tried).toMatchObject({ status: 200, body: expect.stringContaining('"username": "ada-l"') })
      expect(tried.sent.access_token).toBe(token)
      expect(swagger.complaints).toEqual([])
    },
    longest
  )

  test(
    'lets every operation be tried out with what is filled in',
    async () => {
      await using signIns = playSignIn()
      const containers = { DOCKER_HOST: 'unix:///nowhere', BUILDER_IMAGE_ESP8266: 'localhost/none' }
      await using t = await watchingHub({ env: { ...signIns.env, ...containers } })
      signIns.passOn(t.github.url)
      const someone = await t.user('edith')
      const { id } = (await someone.call('GET /me')).body as { id: string }
      await using swagger = await openSwagger(browser, t.base)
      await swagger.authorize('access_token', (await t.root()).token)
      const operations = new Map(operationsOf(await readDocument(t)).map((operation) => [operation.route, operation]))
      expect([...story].toSorted()).toEqual([...operations.keys()].toSorted())
      const made: Made = { '/users/{id}': { id }, '{userId}': { userId: id } }
      for (const route of story) {
        const { operationId = '', responses = {} } = operations.get(route) ?? {}
        const tried = await swagger.tryOut(operationId, givenFor(route, made))
        const done = Number(Object.keys(responses).find((status) => status.startsWith('2')))
        expect([route, tried.status, tried.body]).toEqual([route, done, expect.any(String)])
        Object.assign(made, madeBy(route, tried.body))
        if (route === 'GET /login/github') Object.assign(made, { signIn: await agreedTo(signIns, tried.body) })
        if (route.endsWith('/hard-delete')) await swagger.forget('api_key') // it went with its application
        for (const [scheme, credential] of credentialsIn(tried.body)) await swagger.authorize(scheme, credential)
      }
      expectOnlyTheHub(swagger, t)
    },
    longest
  )
})

/** Goes to GitHub with the `url` that was answered, and agrees; gives what comes back with the browser. */
async function agreedTo(signIns: PlayedSignIn, body: string) {
  const [, url = ''] = body.match(/"url": "(\S+)"/) ?? []
  const { code, state } = await signIns.agree(url, { ...adaAtGithub, email: 'ada.l@example.org' })
  return { code, state }
}

function expectOnlyTheHub({ requested, complaints }: SwaggerPage, { base }: Pick<TestHub, 'base'>) {
  const others = requested.filter((url) => !/^(data|blob):/.test(url) && new URL(url).origin !== base)
  expect(others).toEqual([])
  expect(requested.filter((url) => url.startsWith(`${base}/swagger/`)).length).toBeGreaterThan(4)
  expect(complaints).toEqual([])
}
