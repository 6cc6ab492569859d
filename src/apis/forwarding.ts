import type { Hub } from '../hub.ts'
import { plainAddress } from '../lib/networks.ts'
import type { Asked } from './access.ts'

type Origin = { protocol: 'http' | 'https'; host: string | undefined }
type Timed = { timeout(request: Request, seconds: number): void }
type Server = NonNullable<Asked['server']> & Timed

const origins = new WeakMap<Request, Origin>()

/** With which address a request was sent, as far as it says so or a trusted proxy does: `http://hub.example.org`. */
export function originOf(request: Request) {
  const { protocol = 'http', host } = origins.get(request) ?? {}
  const name = host ?? request.headers.get('host')
  return name ? `${protocol}://${name}` : undefined
}

/**
 * Believes what TRUSTED_PROXIES say of those whom they pass on, and nobody else. Of the addresses in `X-Forwarded-For` that is the
 * right-most which is not itself a trusted proxy's: what stands before it the client may have written. `Forwarded` is
 * not read: a proxy that knows the one passes on the other as the client has written it.
 */
export function createForwarding({ config: { trustedProxies } }: Pick<Hub, 'config'>) {
  function sender(headers: Headers, proxy: string) {
    let address = proxy
    for (const text of listIn(headers, 'x-forwarded-for').toReversed()) {
      const next = plainAddress(text)
      if (next === undefined) return address
      address = next
      if (!trustedProxies.has(next)) return address
    }
    return address
  }

  return {
    /** Notes where a request went before a trusted proxy passed it on. */
    note(request: Request, server: Server) {
      if (trustedProxies.isEmpty || !trustedProxies.has(server.requestIP(request)?.address ?? '')) return
      const protocol = listIn(request.headers, 'x-forwarded-proto').at(-1)?.toLowerCase() === 'https' ? 'https' : 'http'
      const host = listIn(request.headers, 'x-forwarded-host').at(-1) ?? ''
      origins.set(request, { protocol, host: isHost.test(host) ? host : undefined })
    },

    /** The server as routes see it: an address is that of whoever sent a request, not of a trusted proxy. */
    before<S extends Server>(server: S): Pick<S, 'timeout'> & Server {
      if (trustedProxies.isEmpty) return server
      return {
        timeout: (request: Request, seconds: number) => server.timeout(request, seconds),
        requestIP(request: Request) {
          const peer = server.requestIP(request)
          return peer && trustedProxies.has(peer.address) ? { address: sender(request.headers, peer.address) } : peer
        }
      }
    }
  }
}

const listIn = (headers: Headers, name: string) => (headers.get(name) ?? '').split(',').map((part) => part.trim())

const isHost = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i
