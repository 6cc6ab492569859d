import { Elysia } from 'elysia'
import type { Hub } from '../hub.ts'
import type { Log } from '../lib/log.ts'
import { requestId } from './errors.ts'

const started = new WeakMap<Request, number>()

type Asked = { method: string; route: string }
type Logged = { request: Request; route: string; status: number | string; since: number }

const chatter = new Set(['POST /api/v1/logs', 'POST /applications/latest-version'])

/** What devices and clients ask, and programs say, all the time is logged at `debug`. */
const levelOf = ({ method, route }: Asked) =>
  route.startsWith('/devices/:secret') || chatter.has(`${method} ${route}`) ? 'debug' : 'info'

/** Whether requests of a route are logged. */
export const isLogged = (log: Log, asked: Asked) => log.isLevelEnabled(levelOf(asked))

/** A line a request, by route pattern: a URL may hold a device's secret. `since`: when it came. */
export function logRequest(log: Log, { request, route, status, since }: Logged) {
  const ms = Math.round(performance.now() - since)
  const { method } = request
  log[levelOf({ method, route })]({ requestId: requestId(request), method, route, status, ms }, 'request')
}

/** Logs what Elysia answers. */
export const requestLog = ({ log }: Hub) => {
  if (!log.isLevelEnabled('info')) return new Elysia({ name: 'request-log' })
  return new Elysia({ name: 'request-log' })
    .onRequest(({ request }) => void started.set(request, performance.now()))
    .onAfterResponse({ as: 'global' }, ({ request, route, set, response }) => {
      const pattern: string = route ?? '(none)' // nothing was matched, whatever Elysia's type says
      if (!isLogged(log, { method: request.method, route: pattern })) return
      const status = response instanceof Response ? response.status : (set.status ?? 200)
      logRequest(log, { request, route: pattern, status, since: started.get(request) ?? performance.now() })
    })
}
