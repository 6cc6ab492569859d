import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { ada, playSignIn } from '../../support/github-sign-in.ts'
import { testHub } from '../../support/hub.ts'

const html = { accept: 'text/html,application/xhtml+xml' }

describe(`002 on ${databaseName}: GET /login/github`, () => {
  const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? ''

  test('sends the browser to GitHub with state and PKCE', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const response = await hub.send('GET /login/github', undefined, { headers: html })
    const url = new URL(response.headers.get('location') ?? '')
    expect([response.status, url.origin + url.pathname]).toEqual([302, `${github.url}/login/oauth/authorize`])
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: github.env.GITHUB_CLIENT_ID,
      redirect_uri: `${hub.base}/login/github/callback`,
      state: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      scope: 'read:user user:email'
    })
    expect(response.headers.get('set-cookie')).toMatch(
      /^updraft_sign_in=\S+; Path=\/login\/github; Max-Age=600; HttpOnly; SameSite=Lax$/
    )
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('and back, to a page with a token that works', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const there = await hub.send('GET /login/github', undefined, { headers: html })
    const { back } = await github.agree(there.headers.get('location') ?? '', { ...ada, name: 'Ada <b>' })
    const page = await fetch(back, { headers: { ...html, cookie: `other=1; ${cookieOf(there)}` } })
    const text = await page.text()
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.headers.get('set-cookie')).toContain('Max-Age=0')
    expect(text).toContain('Ada &lt;b&gt;')
    const [, token = ''] = text.match(/<code id="token">([^<]+)</) ?? []
    expect((await hub.as(token).call('GET /me')).body).toMatchObject({ username: 'ada-l' })
  })

  test.each([
    ['a script in a browser', { 'sec-fetch-mode': 'cors', accept: '*/*' }, 200],
    ['a program that asks for JSON', { accept: 'application/json' }, 200],
    ['a program that follows redirects', { accept: '*/*' }, 302],
    ['a browser on its way', { 'sec-fetch-mode': 'navigate', ...html }, 302]
  ])('is for %s', async (_who, headers, status) => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const response = await hub.send('GET /login/github', undefined, { headers })
    expect(response.status).toBe(status)
    if (status === 302) return
    const { url, state } = (await response.json()) as { url: string; state: string }
    expect(new URL(url).searchParams.get('state')).toBe(state)
  })

  test('uses PUBLIC_URL, and then keeps its cookie to https', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: { ...github.env, PUBLIC_URL: 'https://hub.example.org/' } })
    const response = await hub.send('GET /login/github', undefined, { headers: html })
    expect(response.headers.get('location')).toContain(encodeURIComponent('https://hub.example.org/login/github/callback'))
    expect(response.headers.get('set-cookie')).toEndWith('; Secure')
  })

  test('a sign-in that was begun in another browser is refused, and nobody is signed in', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const there = await hub.send('GET /login/github', undefined, { headers: html })
    const other = await hub.send('GET /login/github', undefined, { headers: html })
    const { back } = await github.agree(there.headers.get('location') ?? '', ada)
    for (const cookie of ['', cookieOf(other)]) {
      const page = await fetch(back, { headers: { ...html, cookie } })
      expect([page.status, await page.text()]).toEqual([
        400,
        expect.stringContaining('This sign-in was not begun in this browser')
      ])
    }
    expect((await (await hub.root()).call('GET /api/v1/users')).body).toMatchObject({ data: [{ username: 'admin' }] })
  })

  test.each([
    ['?error=access_denied&error_description=The+user+has+denied&state=x', 'GitHub was not allowed to say who you are'],
    ['', 'GitHub has sent neither a code nor a reason'],
    ['?code=x&state=<script>', 'This sign-in was not begun in this browser']
  ])('a callback with %j says why it does not work', async (query, sentence) => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const page = await hub.send(`GET /login/github/callback${query}`, undefined, { headers: html })
    const text = await page.text()
    expect([page.status, text.includes(sentence), text.includes('<script>')]).toEqual([400, true, false])
    expect(text).toContain('<a href="/login/github">Try again</a>')
  })

  test('takes a frontend of a configured origin as the place to come back to, and no other', async () => {
    await using github = playSignIn()
    const frontend = 'https://packages.example.org'
    await using hub = await testHub({ env: { ...github.env, CORS_ORIGINS: `${frontend}, https://other.example.org` } })
    const ask = (redirectUri: string) =>
      hub.call(`GET /login/github?redirect_uri=${encodeURIComponent(redirectUri)}`, undefined, {
        headers: { accept: 'application/json' }
      })
    const { body } = await ask(`${frontend}/signed-in?x=1`)
    const { url, state } = body as { url: string; state: string }
    const { back, code } = await github.agree(url, ada)
    expect(back.href).toStartWith(`${frontend}/signed-in?x=1&code=`)
    expect(await hub.call('POST /v1/login', { provider: 'github', code, state })).toMatchObject({ status: 200 })
    const longest = `${frontend}/`.padEnd(1024, 'x')
    const begun = (await ask(longest)).body as { url: string; state: string }
    const { code: another } = await github.agree(begun.url, ada)
    expect(await hub.call('POST /v1/login', { provider: 'github', code: another, state: begun.state })).toMatchObject({
      status: 200
    })
    for (const long of [`${longest}x`, `${frontend}/`.padEnd(1000, 'ü'), `${frontend}/`.padEnd(1000, '"')])
      expect(await ask(long)).toEqual({ status: 400, body: { message: 'redirect_uri is too long' } })
    for (const bad of [
      'https://evil.test/',
      'javascript:alert(1)',
      'nothing',
      `${frontend}.evil.test/`,
      `http://packages.example.org/`
    ])
      expect([bad, (await ask(bad)).status]).toEqual([bad, 400])
  })

  test('CORS_ORIGINS=* lets nobody have the browser sent elsewhere', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: { ...github.env, CORS_ORIGINS: '*' } })
    expect((await hub.call('GET /login/github?redirect_uri=https://evil.test/')).status).toBe(400)
  })
})
