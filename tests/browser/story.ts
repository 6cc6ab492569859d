import { zipOf } from '../../scripts/demo/zip.ts'

/** What a reader does from top to bottom with the examples as they are filled in, each operation once, what destroys last. */
export const story = [
  'GET /api/v1/users',
  'PUT /api/v1/users/{id}/role',
  'POST /applications',
  'GET /applications',
  'POST /applications/{id}/builds',
  'GET /applications/{id}/builds',
  'POST /applications/latest-version',
  'POST /builds/success',
  'POST /builds/failure',
  'GET /applications/{id}/clients',
  'GET /downloads/{id}/{name}',
  'PATCH /applications/{id}/builds/{build_id}',
  'POST /api/v1/applications',
  'GET /api/v1/applications',
  'GET /api/v1/applications/{id}',
  'PUT /api/v1/applications/{id}',
  'POST /api/v1/applications/{id}/regenerate-key',
  'POST /api/v1/logs',
  'GET /api/v1/logs',
  'GET /api/v1/logs/verify-chain',
  'DELETE /api/v1/applications/{id}',
  'DELETE /api/v1/applications/{id}/hard-delete',
  'GET /health',
  'GET /health/ready',
  'GET /health/live',
  'GET /metrics',
  'POST /register',
  'POST /login',
  'GET /me',
  'POST /auth',
  'GET /login/github',
  'POST /v1/login',
  'GET /v1/users/{id}',
  'POST /v1/users/{id}/cli-keys',
  'GET /v1/users/{id}/cli-keys',
  'DELETE /v1/users/{id}/cli-keys/{name}',
  'POST /v1/packages',
  'GET /v1/packages',
  'GET /v1/packages/{id}',
  'PUT /v1/packages/{id}/maintainers/{userId}',
  'GET /v1/packages/{id}/maintainers',
  'DELETE /v1/packages/{id}/maintainers/{userId}',
  'POST /v1/packages/{id}/recipes',
  'PUT /v1/archives/{id}',
  'GET /v1/archives/{id}',
  'GET /v1/packages/{id}/recipes/{version}',
  'GET /v1/packages/{id}/versions',
  'PUT /v1/packages/{id}/recipes/{version}/yank',
  'DELETE /v1/packages/{id}/recipes/{version}/yank',
  'POST /teams',
  'GET /teams',
  'PUT /teams/{team}/members/{username}',
  'GET /teams/{team}/members',
  'POST /repos',
  'GET /repos',
  'PATCH /repos',
  'POST /files',
  'POST /tasks',
  'GET /tasks',
  'POST /tasks/{id}',
  'GET /tasks/{id}/status',
  'GET /tasks/{id}/logs',
  'DELETE /tasks/{id}',
  'DELETE /repos/{id}',
  'POST /{team}/devices',
  'GET /{team}/devices',
  'POST /{team}/devices/{name}',
  'POST /{team}/apps',
  'GET /{team}/apps',
  'POST /{team}/apps/{app}/devices',
  'POST /apps/{app}/deployments',
  'POST /{team}/apps/{app}/deployments',
  'POST /apps/{app}/builds',
  'POST /{team}/apps/{app}/builds',
  'GET /{team}/apps/{app}/builds/{id}',
  'GET /devices/{secret}/image',
  'PUT /devices/{secret}/heartbeat',
  'PUT /{team}/devices/{name}/relauch',
  'PUT /{team}/devices/{name}/relaunch',
  'GET /{team}/devices/{name}/log',
  'GET /events',
  'DELETE /{team}/devices/{name}',
  'DELETE /{team}/apps/{app}',
  'DELETE /teams/{team}/members/{username}',
  'DELETE /teams/{team}',
  'DELETE /auth'
]

/** What a reader copies from one answer into the questions to come: parameters, by the part of a route that they are for. */
export type Made = Record<string, Record<string, string>>

const ofApplication = (id: string): Made => ({
  '/applications/{id}': { id },
  '/verify-chain': { application_id: id },
  '/hard-delete': { id, force: 'true' }
})

const makers: Record<string, (id: string) => Made> = {
  'POST /applications': ofApplication,
  'POST /api/v1/applications': ofApplication,
  'GET /me': (id) => ({ '/v1/users/{id}': { id } }),
  'POST /v1/packages': (id) => ({ '/packages/{id}': { id } }),
  'POST /v1/packages/{id}/recipes': (id) => ({ '/archives/{id}': { id } }),
  'POST /repos': (id) => ({ '/repos/{id}': { id } }),
  'POST /tasks': (id) => ({ '/tasks/{id}': { id } })
}

/** What an answer has made. */
export function madeBy(route: string, body: string): Made {
  const secret = body.match(/"device_secret": "(\w+)"/)?.[1]
  const id = body.match(/"_?id": "(\S+)"/)?.[1]
  const build = body.match(/"build_id": "(\S+)"/)?.[1]
  return {
    ...(secret ? { '{secret}': { secret } } : {}),
    ...(id ? makers[route]?.(id) : {}),
    ...(build ? { '{build_id}': { build_id: build }, '/downloads/{id}': { id: build } } : {})
  }
}

/** The credentials that an answer shows, by the scheme that they go by. */
export function credentialsIn(body: string) {
  const shown = {
    access_token: /"access_token": "(\S+)"/,
    api_key: /"apiKey": "(\S+)"/,
    upload: /"arUploadToken": "(\S+)"/
  }
  return Object.entries(shown).flatMap(([scheme, pattern]) => {
    const credential = body.match(pattern)?.[1]
    return credential ? [[scheme, credential] as const] : []
  })
}

const source = Buffer.from(zipOf([{ name: 'main.c', data: 'void start(void) {}' }]))
const files: [end: string, file: Buffer][] = [
  ['/deployments', Buffer.from('firmware')],
  ['/builds', source],
  ['POST /files', source],
  ['PUT /v1/archives/{id}', source]
]

/** Fields of the body that is filled in which are to be others. `signIn`: what a browser has come back with from GitHub. */
function fieldsFor(route: string, made: Made): Record<string, string | undefined> | undefined {
  if (route === 'POST /applications') return { team: undefined } // the example's team is that of who registers further down
  if (route === 'POST /v1/login') return { provider: 'github', ...made.signIn }
  if (route === 'POST /tasks') return { repo: made['/repos/{id}']?.id ?? '' }
  const asks = /^POST \/(applications\/latest-version|builds\/)/.test(route)
  return asks ? { app_id: made['/applications/{id}']?.id ?? '' } : undefined
}

/** What is to be filled in for a route, from what the operations before it have made. */
export function givenFor(route: string, made: Made) {
  const fitting = Object.entries(made).flatMap(([part, parameters]) => (route.includes(part) ? [parameters] : []))
  return {
    parameters: Object.assign({}, ...fitting) as Record<string, string>,
    file: route.startsWith('P') ? files.find(([end]) => route.endsWith(end))?.[1] : undefined,
    body: fieldsFor(route, made)
  }
}
