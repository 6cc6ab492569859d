import { describe, expect, test } from 'bun:test'
import { SignJWT } from 'jose'
import { defaultLimits } from '../../../src/features/accounts/limits.ts'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { ada, agreed, avatarOf, githubUser, grace, type PlayedSignIn, playSignIn } from '../../support/github-sign-in.ts'
import { jwtSecret, password, testHub } from '../../support/hub.ts'

const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/)

const meOf = async (who: { call: (route: string) => Promise<{ body: unknown }> }) =>
  (await who.call('GET /me')).body as { id: string; username: string; name: string; email: string }

describe(`002 on ${databaseName}: POST /v1/login`, () => {
  test('makes a new user of whoever GitHub knows by an email that the hub does not', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const answer = await hub.call('POST /v1/login', await agreed(hub, github, ada))
    expect(answer).toEqual({
      status: 200,
      body: {
        token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
        user: { id: uuid, name: 'Ada Lovelace', avatarUrl: avatarOf(ada) }
      }
    })
    const { token, user } = answer.body as { token: string; user: { id: string } }
    expect(await hub.as(token).call('GET /me')).toEqual({
      status: 200,
      body: {
        id: user.id,
        username: 'ada-l',
        name: 'Ada Lovelace',
        email: 'ada@example.org',
        role: 'USER',
        teams: [{ name: 'ada-l', role: 'owner' }]
      }
    })
  })

  test('is the same user every time, also when the login, the email and the picture have changed', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const first = await githubUser(hub, github, ada)
    const again = await githubUser(hub, github, { ...ada, login: 'countess', email: 'countess@example.org', name: 'Countess' })
    expect([again.id, again.name]).toEqual([first.id, 'Ada Lovelace'])
    expect(await meOf(again)).toMatchObject({ username: 'ada-l', email: 'ada@example.org' })
    github.answers.set('GET /user', () =>
      Response.json({ id: ada.id, login: 'ada-l', name: null, avatar_url: 'https://pics.test/2' })
    )
    expect(await githubUser(hub, github, ada)).toMatchObject({ id: first.id, avatarUrl: 'https://pics.test/2' })
    expect((await hub.call(`GET /v1/users/${first.id}`)).body).toMatchObject({ avatarUrl: 'https://pics.test/2' })
  })

  test('is not the user who has registered with that email, which nobody has verified: each has an account of their own', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const registered = await hub.user('ada')
    const { id } = await meOf(registered)
    const byGithub = await githubUser(hub, github, { ...ada, email: 'ADA@example.org' })
    expect(byGithub.id).not.toBe(id)
    expect(await meOf(byGithub)).toMatchObject({ email: `${ada.id}+${ada.login}@users.noreply.github.com` })
    expect((await githubUser(hub, github, ada)).id).toBe(byGithub.id)
    expect(await meOf(registered)).toMatchObject({ id, username: 'ada', email: 'ada@example.org' })
    expect(await hub.signIn('ada@example.org')).toBeString()
  })

  test('a user by GitHub has no password: none is right, not the empty one either', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    await githubUser(hub, github, ada)
    for (const tried of [password, ' ', 'undefined', '$argon2id$'])
      expect(await hub.call('POST /login', { email: ada.email, password: tried })).toMatchObject({ status: 401 })
    expect(await hub.call('POST /login', { email: ada.email, password: '' })).toMatchObject({ status: 400 })
    expect(hub.logged()).not.toContain('unexpected error')
  })

  test('another GitHub account with the email of one that has signed in is another user', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const { id } = await githubUser(hub, github, ada)
    expect((await githubUser(hub, github, { ...grace, email: ada.email })).id).not.toBe(id)
  })

  test('of one person who signs in twenty times at once there is one user', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const bodies = await Promise.all(Array.from({ length: 20 }, () => agreed(hub, github, ada)))
    const answers = await Promise.all(bodies.map((body) => hub.call('POST /v1/login', body)))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(new Set(answers.map(({ body }) => (body as { user: { id: string } }).user.id)).size).toBe(1)
  })

  test('a name without sense becomes one that can be shown, an empty one the login', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    expect(await githubUser(hub, github, { ...ada, name: ` A\u0000\nB${'x'.repeat(200)}` })).toMatchObject({
      name: `A B${'x'.repeat(97)}`
    })
    expect(await githubUser(hub, github, { ...grace, name: null })).toMatchObject({ name: 'grace' })
  })

  test.each([
    [{}, 'provider is required'],
    [{ provider: 'gitlab', code: 'x', state: 'y' }, 'provider must be github'],
    [{ provider: 'github', state: 'y' }, 'code is required'],
    [{ provider: 'github', code: 'x' }, 'state is required'],
    [{ provider: 'github', code: 'x'.repeat(513), state: 'y' }, 'code must be a text of 1 to 512 characters'],
    [{ provider: 'github', code: 5, state: 'y' }, 'code must be a text of 1 to 512 characters'],
    [{ provider: 'github', code: 'x', state: ['y'] }, 'state must be a text of 1 to 2048 characters']
  ])('400 for %j', async (body, message) => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    expect(await hub.call('POST /v1/login', body)).toEqual({ status: 400, body: { message } })
  })

  test('400 for a state that this hub has not issued, or not lately; GitHub is not asked', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env, clock: { now: () => now } })
    let asked = 0
    github.answers.set('POST /login/oauth/access_token', () => {
      asked++
      return Response.json({})
    })
    const { token } = await hub.user('eve')
    const body = await agreed(hub, github, ada)
    const forged = await new SignJWT({ sub: 'http://evil.test', iss: 'updraft-github', exp: 4_000_000_000 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(`${jwtSecret} of another`))
    for (const state of ['made up', token, forged, `${body.state}x`])
      expect([state, await hub.call('POST /v1/login', { ...body, state })]).toEqual([state, notOurs])
    now = new Date('2026-11-20T12:10:01Z')
    expect(await hub.call('POST /v1/login', body)).toEqual(notOurs)
    expect(asked).toBe(0)
  })

  test('a state is no access token', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const { state } = await agreed(hub, github, ada)
    expect((await hub.as(state).call('GET /me')).status).toBe(401)
  })

  test('503 where sign-in by GitHub is not configured', async () => {
    await using hub = await testHub()
    const message = 'Sign-in with GitHub is not configured on this hub'
    expect(await hub.call('GET /login/github')).toEqual({ status: 503, body: { message } })
  })
})

const notOurs = {
  status: 400,
  body: { message: 'state is not of a sign-in that this hub has begun in the last 10 minutes' }
}

describe(`002 on ${databaseName}: what GitHub says`, () => {
  const away = { status: 503, body: { message: 'GitHub does not answer at present' } }
  const tokenPath = 'POST /login/oauth/access_token'

  async function answerWith(change: (github: PlayedSignIn) => void) {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const body = await agreed(hub, github, ada)
    change(github)
    const answer = await hub.call('POST /v1/login', body)
    return {
      answer,
      logged: hub.logged(),
      users: (await (await hub.root()).call('GET /api/v1/users')).body as { data: object[] }
    }
  }

  test('401 in its words for a code that it does not know: 200 with an error', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const body = await agreed(hub, github, ada)
    const refused = { status: 401, body: { message: 'The code passed is incorrect or expired.' } }
    expect(await hub.call('POST /v1/login', { ...body, code: 'made-up' })).toEqual(refused)
    expect((await hub.call('POST /v1/login', body)).status).toBe(200)
    expect(await hub.call('POST /v1/login', body)).toEqual(refused)
  })

  test('401 for a code that was given to another sign-in: its verifier is another (PKCE)', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const hers = await agreed(hub, github, ada)
    const other = await agreed(hub, github, grace)
    expect((await hub.call('POST /v1/login', { ...hers, state: other.state })).status).toBe(401)
  })

  onOneHub('429 after too many codes that do not hold', async () => {
    await using github = playSignIn()
    const limits = { ...defaultLimits, signInByAddress: { points: 3, duration: 900 } }
    await using hub = await testHub({ env: github.env, limits })
    const body = { ...(await agreed(hub, github, ada)), code: 'made-up' }
    for (let n = 0; n < 3; n++) expect((await hub.call('POST /v1/login', body)).status).toBe(401)
    const response = await hub.send('POST /v1/login', body)
    expect([response.status, Number(response.headers.get('retry-after')) > 0]).toEqual([429, true])
  })

  test('403 where it has verified no email', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    expect(await hub.call('POST /v1/login', await agreed(hub, github, { ...ada, verified: false }))).toEqual({
      status: 403,
      body: { message: 'GitHub knows no verified email of yours: verify one there first' }
    })
  })

  test.each([
    ['incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.'],
    ['redirect_uri_mismatch', 'The redirect_uri MUST match the registered callback URL for this application.']
  ])('503 for %s, which the log says and the caller is not told', async (error, error_description) => {
    const { answer, logged } = await answerWith(({ answers }) =>
      answers.set(tokenPath, () => Response.json({ error, error_description }))
    )
    expect(answer).toEqual({ status: 503, body: { message: 'GitHub does not accept this hub at present' } })
    expect(logged).toContain(error)
    expect(logged).not.toContain('a client secret')
  })

  test.each<[string, string, () => Response]>([
    ['a 500', tokenPath, () => new Response('oops', { status: 500 })],
    ['a page', tokenPath, () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['no token', tokenPath, () => Response.json({ token_type: 'bearer' })],
    ['a token that is none', tokenPath, () => Response.json({ access_token: 5 })],
    ['more than 256 KiB', tokenPath, () => Response.json({ access_token: 'x'.repeat(300_000) })],
    ['a redirect', tokenPath, () => Response.redirect('http://127.0.0.1:1/', 302)],
    ['a token that its API does not take', tokenPath, () => Response.json({ access_token: 'gho_unknown' })],
    ['a rate limit', 'GET /user', () => Response.json({ message: 'API rate limit exceeded' }, { status: 403 })],
    ['a user without an id', 'GET /user', () => Response.json({ login: 'ada' })],
    ['null', 'GET /user', () => Response.json(null)],
    ['emails that are none', 'GET /user/emails', () => Response.json({ message: 'Not Found' }, { status: 404 })]
  ])('503 for %s', async (_what, path, answer) => {
    const { answer: given, users } = await answerWith(({ answers }) => answers.set(path, answer))
    expect(given).toEqual(away)
    expect(users.data).toHaveLength(1)
  })

  test('503 where it is not there at all', async () => {
    const github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const body = await agreed(hub, github, ada)
    await github[Symbol.asyncDispose]()
    expect(await hub.call('POST /v1/login', body)).toEqual(away)
  })

  test('nothing secret of it is logged', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: { ...github.env, LOG_LEVEL: 'trace' } })
    const body = await agreed(hub, github, ada)
    await hub.call('POST /v1/login', body)
    await hub.call(`GET /login/github/callback?code=${body.code}&state=${body.state}`)
    for (const hidden of [body.code, body.state, 'gho_', 'a client secret']) expect(hub.logged()).not.toContain(hidden)
  })
})
