export type Answer = { status: number; body: unknown }
type Call = { headers?: Record<string, string>; raw?: RequestInit['body'] }

export const password = 'correct horse battery'

export type Caller = ReturnType<typeof callerOf>
export type TestUser = Awaited<ReturnType<Caller['user']>>

/** Whoever asks a hub at an address over HTTP; `answered` is waited for after each answer. */
export function callerOf(base: string, answered = async () => {}) {
  /** Sends `METHOD /path` and gives the status with the body, parsed where it is JSON. */
  async function call(route: string, body?: object, { headers = {}, raw }: Call = {}): Promise<Answer> {
    const response = await send(route, body, { headers, raw: raw ?? null })
    const text = await response.text()
    return { status: response.status, body: response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text }
  }

  async function send(route: string, body?: object, { headers = {}, raw = null }: Call = {}) {
    const [method = 'GET', path = '/'] = route.split(' ')
    const json = body
      ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }
      : { body: raw ?? null, headers }
    const response = await fetch(`${base}${path}`, { method, redirect: 'manual', ...json })
    await answered()
    return response
  }

  async function signIn(email: string) {
    const answer = await call('POST /login', { email, password })
    return (answer.body as { access_token: string }).access_token
  }

  function as(token: string) {
    const headers = { access_token: token }
    return {
      token,
      call: (route: string, body?: object, more: Call = {}) =>
        call(route, body, { ...more, headers: { ...headers, ...more.headers } }),
      send: (route: string, body?: object, more: Call = {}) =>
        send(route, body, { ...more, headers: { ...headers, ...more.headers } })
    }
  }

  /** A new user by that name, signed in. */
  async function user(name: string) {
    const email = `${name}@example.org`
    const made = await call('POST /auth', { name, email, password, password_confirmation: password })
    if (made.status !== 200) throw new Error(`no user ${name}: ${JSON.stringify(made.body)}`)
    return { name, email, ...as(await signIn(email)) }
  }

  return {
    base,
    call,
    send,
    user,
    /** The first administrator, signed in. */
    root: async () => as(await signIn('root@example.org')),
    as,
    signIn
  }
}
