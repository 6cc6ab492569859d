const hopsAtMost = 4
const redirects = new Set([301, 302, 303, 307, 308])
const forGood = new Set([301, 308])

/** GitHub has answered, but with what makes no sense. */
export class Nonsense extends Error {
  override name = 'Nonsense'
}

type Rules = {
  /** Where the API is. */
  base: URL
  /** Whether a redirect may lead away from there. GitHub has its assets on other hosts. */
  elsewhere: 'refused' | 'followed'
  /** Told where the first request is to go from now on. */
  moved?: (path: string) => void
}

/**
 * Fetches by rule: redirects are followed a few times, to where GitHub may send anybody, and the token stays with the API. The
 * bytes come as they are: whoever unpacks what was said to be packed does not know how much it becomes.
 */
export async function fetchByRule(url: string, init: RequestInit, rules: Rules): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set('accept-encoding', 'identity')
  let target = new URL(url)
  for (let hop = 0; hop <= hopsAtMost; hop++) {
    const response = await fetch(target, { ...init, headers, redirect: 'manual', decompress: false })
    if (!redirects.has(response.status)) return plain(response)
    await response.body?.cancel()
    target = destination(response, target, rules)
    if (target.origin !== rules.base.origin) headers.delete('authorization')
    else if (hop === 0 && forGood.has(response.status)) rules.moved?.(target.pathname)
  }
  throw new Nonsense('too many redirects')
}

function plain(response: Response) {
  if ((response.headers.get('content-encoding') ?? 'identity') === 'identity') return response
  void response.body?.cancel()
  throw new Nonsense('packed, although it was asked for as it is')
}

function destination(response: Response, from: URL, { base, elsewhere }: Rules) {
  const location = response.headers.get('location') ?? ''
  if (!URL.canParse(location, from.href)) throw new Nonsense('a redirect to nowhere')
  const target = new URL(location, from)
  const allowed = target.origin === base.origin || (elsewhere === 'followed' && mayLead(target, base))
  if (!allowed) throw new Nonsense('a redirect to where it must not lead')
  return target
}

/** Where a redirect may lead away from the API: never from TLS to plain text, and never to an address inside: to a name in the DNS, or to the host of the API itself. */
export function mayLead({ protocol, hostname, username, password }: URL, base: URL) {
  if (protocol !== 'https:' && protocol !== base.protocol) return false
  if (username !== '' || password !== '') return false
  if (hostname === base.hostname || hostname.endsWith(`.${base.hostname}`)) return true
  return /\.[a-z][a-z0-9-]*\.?$/.test(hostname) && !/\.(localhost|local|internal)\.?$/.test(hostname)
}

/** All bytes of a body, at most `limit` of them; throws `Nonsense` past it without reading on. */
export async function readUpTo(body: AsyncIterable<Uint8Array> | null, limit: number) {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > limit) throw new Nonsense(`more than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
