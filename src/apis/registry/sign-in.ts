import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { HubError, invalid } from '../../lib/errors.ts'
import { addressed, addressOf, open } from '../access.ts'
import { dialects } from '../dialects.ts'
import { baseOf } from '../links.ts'
import { described, says } from '../openapi.ts'
import * as model from './model.ts'
import { failedPage, pageScript, signedInPage } from './sign-in-page.ts'

const callback = '/login/github/callback'
const cookieName = 'updraft_sign_in'
const returnToAtMost = 1024
const away = {
  unavailable: {
    'GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET are not set': 'Sign-in with GitHub is not configured on this hub',
    'GitHub is away': 'GitHub does not answer at present'
  }
}

/** Sign-in with GitHub: for programs by `POST /v1/login`, for people by `GET /login/github` and back. */
export const signInRoutes = (hub: Hub) => new Elysia({ tags: ['accounts'] }).use(loginRoute(hub)).use(browserRoutes(hub))

const loginRoute = (hub: Hub) =>
  new Elysia()
    .use(open())
    .use(addressed())
    .post('/v1/login', ({ body: { code, state }, address }) => hub.githubAccounts.finish({ code, state }, address), {
      parse: 'openFields',
      body: model.login,
      response: { 200: described(model.loggedIn, 'You are signed in') },
      detail: says({
        summary: 'Get an access token by GitHub',
        description:
          'For frontends: ask `GET /login/github` for a `url` and a `state`, send the browser there, and give here the `code` and the `state` that it ' +
          'comes back with. Whoever comes by a GitHub account for the first time gets an account of their own. ' +
          'A person needs no frontend: open `/login/github` in a browser.',
        errors: {
          invalid: {
            'A field is missing or wrong': 'provider must be github',
            'The state is made up, of another hub, or too old':
              'state is not of a sign-in that this hub has begun in the last 10 minutes'
          },
          unauthorized: { 'GitHub does not know the code, or no longer': 'The code passed is incorrect or expired.' },
          forbidden: {
            'GitHub has verified no email of the user': 'GitHub knows no verified email of yours: verify one there first'
          },
          conflict: {
            'Both emails are taken here': 'Another account has both emails of this GitHub account'
          },
          tooMany: { 'Too many failures from your address': '' },
          ...away
        }
      })
    })

const browserRoutes = (hub: Hub) =>
  new Elysia()
    .get(
      '/login/github',
      async ({ query, request }) => {
        const { state, url } = await hub.githubAccounts.begin(returnToOf(hub, request, query.redirect_uri))
        const headers = { 'set-cookie': cookie(hub, request, state), 'cache-control': 'no-store' }
        if (isScript(request)) return Response.json({ url, state }, { headers })
        return new Response(null, { status: 302, headers: { ...headers, location: url } })
      },
      {
        query: t.Object({
          redirect_uri: t.Optional(
            t.String({
              maxLength: returnToAtMost,
              error: tooLong,
              description: 'Where GitHub is to send the browser instead of back to the hub: a URL of one of CORS_ORIGINS'
            })
          )
        }),
        detail: says({
          summary: 'Sign in by GitHub, in a browser',
          description:
            'Open this in a browser: it goes to GitHub and comes back to a page with your token, which can take it over into this one. ' +
            'Asked by a script, as here, or with `Accept: application/json`, it answers where it would go.',
          gives: {
            200: {
              description: 'Where to send the browser, asked as a program',
              content: { 'application/json': { schema: model.begun } }
            },
            302: { description: 'To GitHub' }
          },
          errors: {
            invalid: {
              'The redirect_uri is not of a known origin': notKnown,
              'It has more than 1024 bytes': tooLong
            },
            unavailable: away.unavailable
          }
        })
      }
    )
    .get(
      callback,
      async ({ query, request, server }) => {
        try {
          const { token, user } = await hub.githubAccounts.finish(comeBack(query, request), addressOf({ request, server }))
          return signedInPage({ token, name: user.name, cookie: cookie(hub, request, '') })
        } catch (error) {
          if (!(error instanceof HubError)) throw error
          return failedPage(error, dialects.hub)
        }
      },
      { detail: { hide: true } }
    )
    .get('/login/github/page.js', pageScript, { detail: { hide: true } })

const notKnown = 'redirect_uri must be a URL of one of CORS_ORIGINS'
const tooLong = 'redirect_uri is too long'

/** A browser says whether it is on its way to a page (Fetch Metadata); what is no browser asks for JSON where it wants that. */
function isScript({ headers }: Request) {
  const mode = headers.get('sec-fetch-mode') ?? 'navigate'
  return mode !== 'navigate' || headers.get('accept')?.includes('application/json') === true
}

/** GitHub is told where to send the browser: back to the hub, or to a frontend of an origin that may call it. */
function returnToOf(hub: Hub, request: Request, wanted: string | undefined) {
  if (wanted === undefined) return baseOf(hub, request) + callback
  const { origin } = URL.parse(wanted) ?? {}
  if (origin === undefined || !hub.config.corsOrigins.includes(origin)) throw invalid(notKnown)
  // It comes back in `state` and in a cookie, where letters may take several bytes each.
  if (Buffer.byteLength(JSON.stringify(wanted)) > returnToAtMost + 2) throw invalid(tooLong)
  return wanted
}

/** The sign-in must end in the browser that it began in: or somebody could be signed in as another without noticing. */
function comeBack({ code, state, error }: Record<string, string | undefined>, { headers }: Request) {
  if (error === 'access_denied') throw invalid('GitHub was not allowed to say who you are')
  if (!code || !state) throw invalid('GitHub has sent neither a code nor a reason')
  const cookies = headers.get('cookie')?.split(/; */) ?? []
  if (!cookies.includes(`${cookieName}=${state}`)) throw invalid('This sign-in was not begun in this browser')
  return { code, state }
}

function cookie(hub: Hub, request: Request, state: string) {
  const secure = baseOf(hub, request).startsWith('https:') ? '; Secure' : ''
  return `${cookieName}=${state}; Path=/login/github; Max-Age=${state ? 600 : 0}; HttpOnly; SameSite=Lax${secure}`
}
