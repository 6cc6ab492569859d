import { cors } from '@elysiajs/cors'
import { Elysia } from 'elysia'
import { adminApi } from './apis/admin/routes.ts'
import { latestVersion } from './apis/desktop/advice.ts'
import { desktopApi } from './apis/desktop/routes.ts'
import { createDirect, type DirectRoute } from './apis/direct.ts'
import { errorAnswers } from './apis/errors.ts'
import { containsNul } from './apis/fields.ts'
import { heartbeat, image } from './apis/fleet/board-answers.ts'
import { fleetApi } from './apis/fleet/routes.ts'
import { createForwarding } from './apis/forwarding.ts'
import { hubApi } from './apis/hub/routes.ts'
import { registryApi } from './apis/registry/routes.ts'
import { requestLog } from './apis/request-log.ts'
import { watchApi } from './apis/watch/routes.ts'
import type { Hub } from './hub.ts'
import { missing } from './lib/errors.ts'

/** Every HTTP route, one line a document; it listens nowhere yet. */
export const createApp = (hub: Hub) =>
  new Elysia()
    .use(errorAnswers(hub))
    .use(requestLog(hub))
    .use(crossOrigin(hub))
    .onRequest(refuseNul)
    .onBeforeHandle({ as: 'global' }, refuseNulInQuery)
    .use(desktopApi(hub))
    .use(watchApi(hub))
    .use(registryApi(hub))
    .use(fleetApi(hub))
    .use(adminApi(hub))
    .use(hubApi(hub))

const directRoutes: DirectRoute[] = [
  { method: 'PUT', pattern: '/devices/:secret/heartbeat', answer: heartbeat },
  { method: 'GET', pattern: '/devices/:secret/image', answer: image },
  { method: 'POST', pattern: '/applications/latest-version', answer: latestVersion }
]

/** The routes that devices and clients ask for all the time, answered in front of Elysia. Each is among Elysia's routes as well. */
export const createDirectRoutes = (hub: Hub) => createDirect(hub, directRoutes)

/** PostgreSQL takes no NUL in a text: nothing can bear such a name, so whatever a path asks for by it is not there. */
function refuseNul({ request: { url } }: { request: Request }) {
  const query = url.indexOf('?')
  if (url.slice(0, query < 0 ? url.length : query).includes('%00')) throw missing()
}

/** The same of what a query string asks for; who is asking is known by now. Routes that are direct read theirs themselves. */
function refuseNulInQuery({ request: { url }, route }: { request: Request; route: string }) {
  if (url.includes('%00') && !directRoutes.some(({ pattern }) => pattern === route)) throw containsNul()
}

/** Browsers of the configured origins may call the hub; without any, none of another origin may. */
function crossOrigin({ config: { corsOrigins } }: Hub) {
  if (corsOrigins.length === 0) return new Elysia({ name: 'cors' })
  return cors({
    origin: corsOrigins.includes('*') ? true : corsOrigins,
    credentials: false,
    exposeHeaders: ['ETag', 'X-Request-Id']
  })
}

export type App = ReturnType<typeof createApp>
export type Direct = ReturnType<typeof createDirectRoutes>

export { createForwarding }
export type Forwarding = ReturnType<typeof createForwarding>
