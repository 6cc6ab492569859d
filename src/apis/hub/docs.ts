import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import project from '../../../package.json' with { type: 'json' }
import { assetFolder } from '../../lib/assets.ts'
import { missing } from '../../lib/errors.ts'
import { type OpenApi, writeOut } from './docs-document.ts'

const inPackages = () => dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
const assets = assetFolder('swagger-ui', inPackages)

/** The files of Swagger UI that the page needs. */
export const servedAssets = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png', 'index.css'])

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Updraft API</title>
    <link rel="stylesheet" href="/swagger/swagger-ui.css">
    <link rel="stylesheet" href="/swagger/index.css">
    <link rel="icon" type="image/png" href="/swagger/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/swagger/swagger-ui-bundle.js"></script>
    <script src="/swagger/start.js"></script>
  </body>
</html>
`

// Swagger UI shows an answer when it has ended. Those that do not end are shown as they are after 3 seconds.
const start = `async function firstSeconds(url, options) {
  const stop = new AbortController()
  const response = await fetch(url, { ...options, signal: stop.signal })
  if (!/^text\\/|ndjson/.test(response.headers.get('content-type'))) return response
  const timer = setTimeout(() => stop.abort(), 3000)
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const bytes of response.body) text += decoder.decode(bytes, { stream: true })
  } catch (error) {
    if (!stop.signal.aborted) throw error
  }
  clearTimeout(timer)
  return new Response(text, response)
}

window.ui = SwaggerUIBundle({
  url: '/swagger/json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: (request) => Object.assign(request, { userFetch: firstSeconds }),
  // From the page where a sign-in by GitHub ends.
  onComplete: () => {
    const token = sessionStorage.getItem('access_token')
    if (token) window.ui.preauthorizeApiKey('access_token', token)
  }
})
`

const policy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"

const text = (body: string, type: string) =>
  new Response(body, {
    headers: { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': policy, 'x-content-type-options': 'nosniff' }
  })

const introduction = `
The HTTP API of this hub: teams, their devices and applications, the firmware images that are deployed to devices, the builds that desktop programs are offered,
what devices and programs log, the repos at GitHub whose releases are watched, and a registry of packages.

**Sign in.** Register with \`POST /register\`, get a token with \`POST /login\`, press **Authorize** and give it once, as \`access_token\` or as \`bearer\`: either will do. Where it is configured, [sign in by GitHub](/login/github) instead, and come back with the token.

**Try it out.** The examples tell one story, and are filled in: Ada registers a device \`lamp\`, makes an application \`blinker\` and puts the device in it. Where you are not Ada, give your own username as \`team\`.

**Programs** need no user: they send the API key of their application as \`X-API-Key\`. A SUPER_ADMIN makes it: \`POST /api/v1/applications\`, or \`…/regenerate-key\` for an application that is there. Give it under **Authorize** as \`api_key\`.

**Bodies** are JSON or forms, and what is in the body may also be in the query string. Fields that a route does not know are ignored.

**Errors** say what is wrong in \`message\`. On routes of the fleet (tags *fleet: …*) they say it in \`error\`, with every complaint about the input in \`reasons\`. Any route may answer 500 \`Internal server error\`: the hub's log then has the cause, under the id that the answer carries in the header \`X-Request-Id\`.

**As it happens.** Devices and programs need not poll: changes are told over MQTT (topics in the README) and by \`GET /events\`.
`

const tags = [
  { name: 'accounts', description: 'Register and sign in' },
  { name: 'teams', description: 'Who you are, and who works together' },
  { name: 'watch: repos', description: 'Repos at GitHub, and who is told of their releases' },
  { name: 'watch: tasks', description: 'What is run over releases, in containers' },
  { name: 'desktop: applications', description: 'Applications by id: what desktop programs ask by' },
  {
    name: 'desktop: builds',
    description: 'The versions of an application that desktop programs are offered, and who runs which'
  },
  { name: 'desktop: clients', description: 'What desktop programs ask and report, without a sign-in' },
  { name: 'fleet: users', description: 'Register under a username of your choice, and leave' },
  { name: 'fleet: devices', description: 'The devices of a team' },
  { name: 'fleet: apps', description: 'The applications of a team, and which devices run them' },
  { name: 'fleet: deployments', description: 'Firmware images for the devices of an application' },
  { name: 'fleet: builds', description: 'Firmware made from source, and deployed' },
  { name: 'fleet: BaseOS', description: 'What the firmware of a device asks for; the secret in the path is its credential' },
  { name: 'registry: users', description: 'Who publishes, and keys for their programs' },
  { name: 'registry: packages', description: 'What there is to be had, and who maintains it' },
  { name: 'registry: recipes', description: 'What is published, by version and revision' },
  { name: 'registry: archives', description: 'What belongs to recipes and is too large to be in them' },
  {
    name: 'administration: applications',
    description: 'The applications of every team and their API keys, for AUDITOR and SUPER_ADMIN'
  },
  {
    name: 'administration: logs',
    description: 'What programs and devices have said: sent by API key, read and verified by AUDITOR and SUPER_ADMIN'
  },
  { name: 'administration: users', description: 'The users of the hub and their roles, for SUPER_ADMIN' },
  { name: 'events', description: 'What has changed, as it changes' },
  { name: 'health', description: 'For load balancers and monitoring' }
]

const token = 'The `access_token` that `POST /login` answers, or the end of [signing in by GitHub](/login/github), or a CLI key'

const securitySchemes = {
  access_token: { type: 'apiKey', in: 'header', name: 'access_token', description: token },
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: `${token}, as \`Authorization: Bearer …\`` },
  upload: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An `arUploadToken`, for `PUT /v1/archives/{id}` only'
  },
  api_key: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'The API key of an application, for programs: `POST /api/v1/applications` or `…/regenerate-key` answers it'
  },
  github: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'Your GitHub access token, on `/repos` beside `access_token`; it is used for that request and stored nowhere'
  },
  metrics: { type: 'http', scheme: 'bearer', description: 'METRICS_TOKEN, for `GET /metrics` only' }
} as const

/** `GET /swagger`: Swagger UI, every asset from the hub; `GET /swagger/json`: the OpenAPI document of every route. */
export const docsRoutes = () =>
  new Elysia({ detail: { hide: true } })
    .onAfterHandle(({ path, response }) => (path === '/swagger/json' ? writeOut(response as OpenApi) : undefined))
    .use(
      swagger({
        path: '/swagger',
        specPath: '/swagger/json',
        excludeStaticFile: false,
        documentation: {
          info: { title: 'Updraft', version: project.version, description: introduction, license: { name: project.license } },
          // Without servers, what is tried out goes to the hub that the page came from, whatever PUBLIC_URL says.
          tags,
          components: { securitySchemes }
        }
      })
    )
    // Stands after the plugin's own page, which would load its scripts from elsewhere, and replaces it.
    .get('/swagger', () => text(page, 'text/html'))
    .get('/swagger/start.js', () => text(start, 'text/javascript'))
    .get('/swagger/:asset', ({ params }) => {
      if (!servedAssets.has(params.asset)) throw missing()
      return new Response(Bun.file(join(assets, params.asset)), {
        headers: { 'cache-control': 'public, max-age=3600', 'x-content-type-options': 'nosniff' }
      })
    })
