import { CodeChallengeMethod, OAuth2Client, OAuth2Tokens } from 'arctic'
import Type, { type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { forbidden, type HubError, unauthorized, unavailable } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { fetchJson } from '../../lib/outward.ts'

const bounds = { within: 10_000, most: 256 * 1024 }
const scopes = ['read:user', 'user:email']

const Refusal = Type.Object({ error: Type.String(), error_description: Type.Optional(Type.String()) })
const Granted = Type.Object({ access_token: Type.String({ minLength: 1 }) })
const User = Type.Object({
  id: Type.Integer(),
  login: Type.String(),
  name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  avatar_url: Type.Optional(Type.String())
})
const Emails = Type.Array(Type.Object({ email: Type.String(), primary: Type.Boolean(), verified: Type.Boolean() }))

/** Where GitHub is, and what this hub is known by there. */
export type GithubSettings = {
  githubUrl: string
  githubApiUrl: string
  githubClientId: string | undefined
  githubClientSecret: string | undefined
}

/** Who has signed in: the email is one that GitHub has verified. */
export type GithubProfile = { id: string; login: string; name: string; email: string; avatarUrl: string | null }

/** A sign-in under way: `state` and `verifier` belong together, GitHub sends the browser back to `returnTo`. */
export type SignInUnderWay = { state: string; verifier: string; returnTo: string }

export type GithubOAuth = ReturnType<typeof createGithubOAuth>

/** GitHub as far as people sign in with it (OAuth 2.0 with PKCE), at github.com or an Enterprise server. */
export function createGithubOAuth(settings: GithubSettings, log: Log) {
  const { githubUrl: url, githubApiUrl: apiUrl, githubClientId: clientId, githubClientSecret: clientSecret } = settings

  function clientFor(returnTo: string) {
    if (!clientId || !clientSecret) throw unavailable('Sign-in with GitHub is not configured on this hub')
    return { id: clientId, secret: clientSecret, oauth: new OAuth2Client(clientId, clientSecret, returnTo) }
  }

  async function ask<S extends TSchema>(schema: S, target: string, init: RequestInit): Promise<Static<S>> {
    const { status, body } = await fetchJson(target, init, bounds).catch((error: unknown) => {
      log.warn({ err: error }, 'GitHub could not be asked')
      throw unavailable('GitHub does not answer at present')
    })
    if (Value.Check(Refusal, body)) throw refusal(body)
    if (status === 200 && Value.Check(schema, body)) return body
    log.warn({ status, path: new URL(target).pathname }, 'GitHub answers what makes no sense here')
    throw unavailable('GitHub does not answer at present')
  }

  /** GitHub refuses with 200 and an `error`. A code may be old or made up; all else is between this hub and GitHub. */
  function refusal({ error, error_description: sentence }: Static<typeof Refusal>): HubError {
    if (error === 'bad_verification_code') return unauthorized(sentence ?? 'The code is incorrect or expired')
    if (error === 'unverified_user_email') return forbidden(noEmail)
    log.error({ error }, 'GitHub refuses this hub: check GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET and the callback URL there')
    return unavailable('GitHub does not accept this hub at present')
  }

  // Arctic's own request has neither a deadline nor a limit, so the code is exchanged here (RFC 6749 section 4.1.3).
  async function exchange(code: string, { verifier, returnTo }: SignInUnderWay) {
    const { id, secret } = clientFor(returnTo)
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: id,
      client_secret: secret,
      code,
      redirect_uri: returnTo,
      code_verifier: verifier
    })
    const headers = { accept: 'application/json', 'user-agent': 'updraft' }
    const granted = await ask(Granted, `${url}/login/oauth/access_token`, { method: 'POST', headers, body })
    return new OAuth2Tokens(granted).accessToken()
  }

  return {
    /** Where a browser is sent for the user to agree. Throws `unavailable` where no client is configured. */
    authorizationUrl({ state, verifier, returnTo }: SignInUnderWay) {
      const { oauth } = clientFor(returnTo)
      const endpoint = `${url}/login/oauth/authorize`
      return oauth.createAuthorizationURLWithPKCE(endpoint, state, CodeChallengeMethod.S256, verifier, scopes).href
    },

    /** Who has agreed. Throws `unauthorized` for a code that does not hold, `forbidden` without a verified email, `unavailable`. */
    async profileFor(code: string, signIn: SignInUnderWay): Promise<GithubProfile> {
      const token = await exchange(code, signIn)
      const headers = { authorization: `Bearer ${token}`, accept: 'application/vnd.github+json', 'user-agent': 'updraft' }
      const [user, emails] = await Promise.all([
        ask(User, `${apiUrl}/user`, { headers }),
        ask(Emails, `${apiUrl}/user/emails?per_page=100`, { headers })
      ])
      const verified = emails.filter((email) => email.verified)
      const { email } = verified.find(({ primary }) => primary) ?? verified[0] ?? {}
      if (email === undefined) throw forbidden(noEmail)
      return { id: String(user.id), login: user.login, name: user.name || user.login, email, avatarUrl: user.avatar_url ?? null }
    }
  }
}

const noEmail = 'GitHub knows no verified email of yours: verify one there first'
