import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import project from '../../../package.json' with { type: 'json' }
import type { Hub } from '../../hub.ts'
import { missing } from '../../lib/errors.ts'
import { type OpenApi, writeOut } from './docs-document.ts'

const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
const served = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png', 'index.css'])

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Updraft API</title>
    <link rel="stylesheet" href="/swagger/swagger-ui.css">
    <link rel="icon" type="image/png" href="/swagger/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/swagger/swagger-ui-bundle.js"></script>
    <script src="/swagger/start.js"></script>
  </body>
</html>
`

const start = `window.ui = SwaggerUIBundle({
  url: '/swagger/json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null
})
`

const policy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"

const text = (body: string, type: string) =>
  new Response(body, {
    headers: { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': policy, 'x-content-type-options': 'nosniff' }
  })

const introduction = `
The hub's HTTP API. Sign in with \`POST /login\`, then press **Authorize** and give the token once, as \`access_token\` or as \`bearer\`: either will do.

Devices and programs are told of changes over MQTT (see the README for the topics) and over \`GET /events\`.
`

/** `GET /swagger`: Swagger UI, every asset from the hub; `GET /swagger/json`: the OpenAPI document of every route. */
export const docsRoutes = ({ config }: Hub) =>
  new Elysia({ detail: { hide: true } })
    .onAfterHandle(({ path, response }) => (path === '/swagger/json' ? writeOut(response as OpenApi) : undefined))
    .use(
      swagger({
        path: '/swagger',
        specPath: '/swagger/json',
        excludeStaticFile: false,
        documentation: {
          info: { title: 'Updraft', version: project.version, description: introduction, license: { name: project.license } },
          ...(config.publicUrl ? { servers: [{ url: config.publicUrl }, { url: '/' }] } : {}),
          tags: [
            { name: 'accounts', description: 'Register and sign in (document 001)' },
            { name: 'teams', description: 'Who you are, and who works together' },
            { name: 'fleet: users', description: 'Users, as document 003 has them' },
            { name: 'fleet: devices', description: 'Devices of a team (document 003)' },
            { name: 'fleet: apps', description: 'Applications of a team and their devices (document 003)' },
            { name: 'fleet: deployments', description: 'Images for the devices of an application (document 003)' },
            { name: 'fleet: BaseOS', description: 'What a device asks for itself, known by its secret (document 003)' },
            { name: 'events', description: 'What has changed, pushed' },
            { name: 'health', description: 'Is the hub well? (document 000)' }
          ],
          components: {
            securitySchemes: {
              access_token: { type: 'apiKey', in: 'header', name: 'access_token', description: 'The token of POST /login' },
              bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The token of POST /login' }
            }
          }
        }
      })
    )
    // Stands after the plugin's own page, which would load its scripts from elsewhere, and replaces it.
    .get('/swagger', () => text(page, 'text/html'))
    .get('/swagger/start.js', () => text(start, 'text/javascript'))
    .get('/swagger/:asset', ({ params }) => {
      if (!served.has(params.asset)) throw missing()
      return new Response(Bun.file(join(assets, params.asset)), {
        headers: { 'cache-control': 'public, max-age=86400', 'x-content-type-options': 'nosniff' }
      })
    })
