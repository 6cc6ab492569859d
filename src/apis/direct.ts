import { peek } from 'bun'
import type { Hub } from '../hub.ts'
import type { Asked } from './access.ts'
import { errorAnswer } from './errors.ts'
import { isLogged, logRequest } from './request-log.ts'

/**
 * A route that is answered in front of Elysia too, by the function that Elysia's route calls. Its pattern has one
 * parameter at most: `answer` is given what stands there. Bodies and what they hold are read and checked by `answer`.
 */
export type DirectRoute = {
  method: 'GET' | 'POST' | 'PUT'
  pattern: string
  answer(hub: Hub, asked: Asked, parameter: string): Promise<Response>
}

/**
 * Answers what is asked for all the time: Elysia alone costs as much as such a route with the server under it. Gives
 * undefined for every other request, and for one of these in any unusual form: that is for Elysia.
 */
export function createDirect(hub: Hub, routes: DirectRoute[]) {
  const compiled = routes.map((route) => ({ ...route, url: urlOf(route.pattern), answer: answerOf(hub, route) }))
  const byMethod = Map.groupBy(compiled, ({ method }) => method as string)
  const servesBrowsers = hub.config.corsOrigins.length > 0

  return (request: Request, server: Asked['server']): Promise<Response> | undefined => {
    for (const { url, answer } of byMethod.get(request.method) ?? []) {
      const found = url.exec(request.url)
      if (!found) continue
      // What a browser of another origin must be told besides, Elysia's plugin knows.
      return servesBrowsers && request.headers.has('origin') ? undefined : answer({ request, server }, found[1] ?? '')
    }
    return undefined
  }
}

/** URLs of a pattern's usual form: nothing encoded in the path, no slash at its end. */
const urlOf = (pattern: string) => new RegExp(`^http://[^/?#]*${pattern.replace(/:\w+/, '([\\w-]+)')}(?:\\?|$)`)

function answerOf(hub: Hub, { method, pattern, answer }: DirectRoute) {
  const refuse = (request: Request, error: unknown) =>
    errorAnswer({ request, error, path: pattern, route: `${method} ${pattern}`, hub })

  function answered(asked: Asked, parameter: string) {
    const promise = answer(hub, asked, parameter)
    // What is there already goes on as it is: a `catch` would cost it another turn.
    return peek.status(promise) === 'fulfilled' ? promise : promise.catch((error: unknown) => refuse(asked.request, error))
  }

  async function logged(asked: Asked, parameter: string) {
    const since = performance.now()
    const response = await answered(asked, parameter)
    logRequest(hub.log, { request: asked.request, route: pattern, status: response.status, since })
    return response
  }

  return isLogged(hub.log, { method, route: pattern }) ? logged : answered
}
