import type { App, Direct, Forwarding } from './app.ts'
import type { Hub } from './hub.ts'
import type { WebSocketConnections } from './mqtt/websocket.ts'

// The largest upload that streams in has its own limit; this one keeps a client from sending without end.
const overhead = 1024 * 1024

type Edges = { app: App; direct: Direct; forwarding: Forwarding; sockets: WebSocketConnections }

/** Serves the app, its direct routes in front of it, and MQTT over WebSocket at `/mqtt`, on the hub's HTTP port. */
export function serveHttp(hub: Hub, { app, direct, forwarding, sockets }: Edges) {
  const { host, port, imageMaxBytes, buildMaxBytes, sourceMaxBytes, fileMaxBytes, archiveMaxBytes } = hub.config
  const server = Bun.serve({
    hostname: host,
    port,
    idleTimeout: 30,
    maxRequestBodySize: Math.max(imageMaxBytes, buildMaxBytes, sourceMaxBytes, fileMaxBytes, archiveMaxBytes) + overhead,
    development: false, // or an error page would show the source
    reusePort: false, // what Bun takes it to mean otherwise: a second hub would share the port and its callers in silence
    websocket: sockets.handlers,
    fetch(request, self) {
      forwarding.note(request, self)
      makeAbsolute(request)
      const answer = direct(request, front)
      if (answer) return answer
      const taken = sockets.upgrade(request, { server: self, addressOf })
      if (taken === 'upgraded') return undefined
      if (taken) return taken
      return request.method === 'HEAD' ? head(app, request) : app.handle(request)
    }
  })
  // The routes ask the server for the caller's address and for time; it is not Elysia's own, so that `/mqtt` can stand beside it.
  const front = forwarding.before(server)
  const addressOf = (request: Request) => front.requestIP(request)?.address ?? 'unknown'
  app.server = front as typeof server

  return {
    port: server.port ?? port,
    /** Lets requests under way end for up to `grace` ms, then ends them. */
    async stop(grace: number) {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, grace)
      await Promise.race([server.stop(), late.promise])
      clearTimeout(timer) // or it would keep the process alive
      await server.stop(true)
    }
  }
}

/**
 * HEAD is routed as GET, and Bun leaves the body out. Elysia would read the whole body to measure it, and a stream
 * without an end for ever. A range is not for HEAD (RFC 9110 section 14.2).
 */
async function head(app: App, request: Request) {
  Object.defineProperty(request, 'method', { value: 'GET' })
  request.headers.delete('range')
  const response = await app.handle(request)
  if (!response.headers.has('content-length')) return response
  await response.body?.cancel() // Bun would neither read it nor let it go, and of a stream not tell the length
  return new Response(null, response)
}

/**
 * Elysia takes the path of a URL from its 11th character on. A request without a Host (HTTP/1.0), with a host of one to
 * three letters or with an absolute target would be routed wrongly, so it is given a URL of the usual form.
 */
function makeAbsolute(request: Request) {
  const { url } = request
  if (url.startsWith('http://') && url.indexOf('/', 7) >= 11) return
  const path = url.replace(/^https?:\/\/[^/?#]*/, '')
  Object.defineProperty(request, 'url', { value: `http://hub.invalid${path.startsWith('/') ? path : `/${path}`}` })
}
