import type { HubError } from '../../lib/errors.ts'
import { type Dialect, sayNo } from '../dialects.ts'

const policy =
  "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const headers = (type: string) => ({
  'content-type': `${type}; charset=utf-8`,
  'content-security-policy': policy,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff'
})

const page = (title: string, content: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
      code { display: block; padding: 1rem; background: #f3f4f6; color: #111; overflow-wrap: anywhere }
    </style>
  </head>
  <body>
    <h1>${title}</h1>
    ${content}
  </body>
</html>
`

/** What somebody sees who has signed in: the token, and the way to Swagger UI with it. */
export function signedInPage({ token, name, cookie }: { token: string; name: string; cookie: string }) {
  const content = `<p>You are <b>${Bun.escapeHTML(name)}</b>. This is your access token; it holds for 24 hours:</p>
    <code id="token">${Bun.escapeHTML(token)}</code>
    <p><button id="copy">Copy it</button> <a id="use" href="/swagger">Use it in Swagger UI</a></p>
    <script src="/login/github/page.js"></script>`
  return new Response(page('Signed in', content), { headers: { ...headers('text/html'), 'set-cookie': cookie } })
}

/** What somebody sees whose sign-in has failed. */
export function failedPage(error: HubError, dialect: Dialect) {
  const { status, body } = sayNo(dialect, 'GET /login/github/callback', error)
  const sentence = 'message' in body ? String(body.message) : ''
  const content = `<p>${Bun.escapeHTML(sentence)}.</p>
    <p><a href="/login/github">Try again</a></p>`
  const later = error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }
  return new Response(page('Not signed in', content), { status, headers: { ...headers('text/html'), ...later } })
}

// The docs page takes the token from there (apis/hub/docs.ts).
const script = `const token = document.querySelector('#token').textContent
const copy = document.querySelector('#copy')
copy.hidden = !navigator.clipboard
copy.addEventListener('click', () => navigator.clipboard.writeText(token))
document.querySelector('#use').addEventListener('click', () => sessionStorage.setItem('access_token', token))
`

/** What the page's button and link do. */
export const pageScript = () => new Response(script, { headers: headers('text/javascript') })
