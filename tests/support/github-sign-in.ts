import { createHash, randomBytes } from 'node:crypto'
import type { TestHub } from './hub.ts'

export type Person = { id: number; login: string; name: string | null; email: string; verified?: boolean }
type Agreed = { person: Person; challenge: string; redirectUri: string }
type Answer = (request: Request) => Response | Promise<Response>

const clientId = 'Iv1.8a61f9b3a7aba766'
const clientSecret = 'a client secret of the tests'

export const ada: Person = { id: 583_231, login: 'ada-l', name: 'Ada Lovelace', email: 'ada@example.org' }
export const grace: Person = { id: 583_232, login: 'grace', name: 'Grace Hopper', email: 'grace@example.org' }

export const avatarOf = ({ id }: Person) => `https://avatars.githubusercontent.com/u/${id}?v=4`

const refusal = (error: string, error_description: string) =>
  Response.json({ error, error_description, error_uri: 'https://docs.github.com/apps/managing-oauth-apps/troubleshooting' })

/** GitHub as far as people sign in with it: its paths, its checks and its words. `answers` replaces what it says on a path. */
export function playSignIn() {
  const codes = new Map<string, Agreed>()
  const tokens = new Map<string, Person>()
  const answers = new Map<string, Answer>()
  let signedIn = ada
  let beyond: string | undefined

  function authorize({ url }: Request) {
    const { searchParams } = new URL(url)
    const redirectUri = searchParams.get('redirect_uri') ?? ''
    if (searchParams.get('client_id') !== clientId) return new Response('Not Found', { status: 404 })
    const back = new URL(redirectUri)
    const code = randomBytes(10).toString('hex')
    const challenge = searchParams.get('code_challenge_method') === 'S256' ? searchParams.get('code_challenge') : null
    codes.set(code, { person: signedIn, challenge: challenge ?? '', redirectUri })
    back.searchParams.set('code', code)
    back.searchParams.set('state', searchParams.get('state') ?? '')
    return Response.redirect(back.href, 302)
  }

  async function accessToken(request: Request) {
    const form = new URLSearchParams(await request.text())
    const given = (name: string) => form.get(name) ?? ''
    if (given('client_id') !== clientId || given('client_secret') !== clientSecret)
      return refusal('incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.')
    const agreed = codes.get(given('code'))
    codes.delete(given('code'))
    const challenge = createHash('sha256').update(given('code_verifier')).digest('base64url')
    if (!agreed || agreed.challenge !== challenge)
      return refusal('bad_verification_code', 'The code passed is incorrect or expired.')
    if (agreed.redirectUri !== given('redirect_uri'))
      return refusal('redirect_uri_mismatch', 'The redirect_uri MUST match the registered callback URL for this application.')
    const token = `gho_${randomBytes(18).toString('hex')}`
    tokens.set(token, agreed.person)
    return Response.json({ access_token: token, scope: 'read:user,user:email', token_type: 'bearer' })
  }

  function asPerson(request: Request, answer: (person: Person) => unknown) {
    const person = tokens.get(request.headers.get('authorization')?.replace(/^bearer /i, '') ?? '')
    const documentation_url = 'https://docs.github.com/rest'
    if (!person) return Response.json({ message: 'Bad credentials', documentation_url, status: '401' }, { status: 401 })
    return Response.json(answer(person))
  }

  const user = (request: Request) =>
    asPerson(request, (person) => ({
      login: person.login,
      id: person.id,
      node_id: 'MDQ6VXNlcjU4MzIzMQ==',
      avatar_url: avatarOf(person),
      type: 'User',
      name: person.name,
      email: null
    }))

  const emails = (request: Request) =>
    asPerson(request, ({ id, login, email, verified = true }) => [
      { email: `${id}+${login}@users.noreply.github.com`, primary: false, verified: false, visibility: null },
      { email, primary: true, verified, visibility: 'private' }
    ])

  const paths: Record<string, Answer> = {
    'GET /login/oauth/authorize': authorize,
    'POST /login/oauth/access_token': accessToken,
    'GET /user': user,
    'GET /user/emails': emails
  }
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const { pathname, search } = new URL(request.url)
      const path = `${request.method} ${pathname}`
      const answer = answers.get(path) ?? paths[path]
      if (answer) return answer(request)
      if (beyond) return fetch(beyond + pathname + search, { headers: request.headers, redirect: 'manual' })
      return Response.json({ message: 'Not Found' }, { status: 404 })
    }
  })
  const url = `http://127.0.0.1:${server.port}`

  return {
    url,
    env: { GITHUB_URL: url, GITHUB_API_URL: `${url}/`, GITHUB_CLIENT_ID: clientId, GITHUB_CLIENT_SECRET: clientSecret },
    answers,

    /** Where whoever asks for anything else is to be answered from. */
    passOn: (other: string) => {
      beyond = other
    },

    /** Who is signed in at GitHub in the browser, from now on. */
    signIn: (person: Person) => {
      signedIn = person
    },

    /** Sends a person's browser to a URL of GitHub's, where they agree; gives what GitHub sends them back with. */
    async agree(authorizeUrl: string, person: Person) {
      signedIn = person
      const { headers } = await fetch(authorizeUrl, { redirect: 'manual' })
      const back = new URL(headers.get('location') ?? '')
      return { back, code: back.searchParams.get('code') ?? '', state: back.searchParams.get('state') ?? '' }
    },

    [Symbol.asyncDispose]: () => server.stop(true)
  }
}

export type PlayedSignIn = ReturnType<typeof playSignIn>

/** Begins a sign-in as a frontend does; gives what it sends to `POST /v1/login` once the person has agreed. */
export async function agreed(hub: TestHub, github: PlayedSignIn, person: Person) {
  const { body } = await hub.call('GET /login/github', undefined, { headers: { accept: 'application/json' } })
  const { code, state } = await github.agree((body as { url: string }).url, person)
  return { provider: 'github', code, state }
}

/** A person signed in by GitHub. */
export async function githubUser(hub: TestHub, github: PlayedSignIn, person: Person) {
  const answer = await hub.call('POST /v1/login', await agreed(hub, github, person))
  if (answer.status !== 200) throw new Error(`no sign-in of ${person.login}: ${JSON.stringify(answer.body)}`)
  const { token, user } = answer.body as { token: string; user: { id: string; name: string; avatarUrl: string } }
  return { ...user, ...hub.as(token) }
}
