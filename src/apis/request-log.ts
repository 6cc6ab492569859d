import { Elysia } from 'elysia'
import type { Hub } from '../hub.ts'
import { requestId } from './errors.ts'

const started = new WeakMap<Request, number>()

/** A line a request, by route pattern: a URL may hold a device's secret. What devices ask all the time is logged at `debug`. */
export const requestLog = ({ log }: Hub) => {
  if (!log.isLevelEnabled('info')) return new Elysia({ name: 'request-log' })
  return new Elysia({ name: 'request-log' })
    .onRequest(({ request }) => void started.set(request, performance.now()))
    .onAfterResponse({ as: 'global' }, ({ request, route, set, response }) => {
      const pattern: string = route ?? '(none)' // nothing was matched, whatever Elysia's type says
      const level = pattern.startsWith('/devices/:secret') ? 'debug' : 'info'
      if (!log.isLevelEnabled(level)) return
      const status = response instanceof Response ? response.status : (set.status ?? 200)
      const ms = Math.round(performance.now() - (started.get(request) ?? performance.now()))
      log[level]({ requestId: requestId(request), method: request.method, route: pattern, status, ms }, 'request')
    })
}
