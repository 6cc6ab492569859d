import { expect, test } from 'bun:test'
import { testHub } from '../support/hub.ts'

// Every route of the documents that the hub has so far, once, as the documents list them, and what the hub adds.
const documented = {
  '000': [
    'POST /applications',
    'POST /applications/latest-version',
    'POST /builds/success',
    'POST /builds/failure',
    'GET /health'
  ],
  '001': [
    'POST /register',
    'POST /login',
    'GET /repos',
    'POST /repos',
    'PATCH /repos',
    'DELETE /repos/:id',
    'GET /tasks',
    'POST /tasks',
    'POST /tasks/:id',
    'GET /tasks/:id/status',
    'GET /tasks/:id/logs',
    'DELETE /tasks/:id'
  ],
  '002': [
    'POST /v1/login',
    'GET /v1/users/:id',
    'POST /v1/users/:id/cli-keys',
    'GET /v1/users/:id/cli-keys',
    'DELETE /v1/users/:id/cli-keys/:name',
    'POST /v1/packages',
    'GET /v1/packages',
    'GET /v1/packages/:id',
    'POST /v1/packages/:id/recipes',
    'GET /v1/packages/:id/recipes/:version',
    'GET /v1/packages/:id/versions'
  ],
  '003': [
    'POST /auth',
    'DELETE /auth',
    'GET /:team/devices',
    'POST /:team/devices',
    'DELETE /:team/devices/:name',
    'POST /:team/devices/:name',
    'PUT /:team/devices/:name/relauch',
    'GET /:team/apps',
    'POST /:team/apps',
    'DELETE /:team/apps/:app',
    'POST /:team/apps/:app/devices',
    'POST /apps/:app/builds',
    'POST /apps/:app/deployments',
    'GET /devices/:secret/image',
    'PUT /devices/:secret/heartbeat'
  ],
  '004': [
    'POST /api/v1/applications',
    'GET /api/v1/applications',
    'GET /api/v1/applications/:id',
    'PUT /api/v1/applications/:id',
    'DELETE /api/v1/applications/:id',
    'DELETE /api/v1/applications/:id/hard-delete',
    'POST /api/v1/applications/:id/regenerate-key'
  ],
  contract: [
    'POST /api/v1/logs',
    'GET /api/v1/logs',
    'GET /api/v1/logs/verify-chain',
    'GET /api/v1/users',
    'PUT /api/v1/users/:id/role',
    'PUT /:team/devices/:name/relaunch',
    'GET /:team/devices/:name/log',
    'POST /:team/apps/:app/deployments',
    'POST /:team/apps/:app/builds',
    'GET /:team/apps/:app/builds/:id',
    'POST /files',
    'GET /applications',
    'POST /applications/:id/builds',
    'GET /applications/:id/builds',
    'PATCH /applications/:id/builds/:build_id',
    'GET /applications/:id/clients',
    'GET /downloads/:id/:name',
    'GET /login/github',
    'GET /login/github/callback',
    'GET /login/github/page.js',
    'PUT /v1/archives/:id',
    'GET /v1/archives/:id',
    'GET /v1/packages/:id/maintainers',
    'PUT /v1/packages/:id/maintainers/:userId',
    'DELETE /v1/packages/:id/maintainers/:userId',
    'PUT /v1/packages/:id/recipes/:version/yank',
    'DELETE /v1/packages/:id/recipes/:version/yank',
    'GET /me',
    'GET /teams',
    'POST /teams',
    'DELETE /teams/:team',
    'GET /teams/:team/members',
    'PUT /teams/:team/members/:username',
    'DELETE /teams/:team/members/:username',
    'GET /events',
    'GET /metrics',
    'GET /health/ready',
    'GET /health/live',
    'GET /swagger',
    'GET /swagger/json'
  ]
}

test('every documented route is there once, and no route is there that is not listed here', async () => {
  await using hub = await testHub()
  const routes = hub.app.routes
    .map(({ method, path }) => `${method} ${path}`)
    .filter((route) => !route.startsWith('GET /swagger/'))
  const listed = Object.values(documented).flat()
  expect([...new Set(routes), 'GET /swagger/json'].toSorted()).toEqual(listed.toSorted())
})
