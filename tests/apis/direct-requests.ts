// What the routes in front of Elysia are asked, and what is left to Elysia.

export const image = crypto.getRandomValues(new Uint8Array(10_000))
const sha256 = new Bun.CryptoHasher('sha256').update(image).digest('hex')
const md5 = new Bun.CryptoHasher('md5').update(image).digest('hex')
export const unknown = '0'.repeat(40)

export type Secrets = { lamp: string; bare: string }
export type Asked = { route: string; headers?: Record<string, string>; body?: string | Uint8Array<ArrayBuffer>; streamed?: true }

const lamp = '{lamp}'
export const get = (query = '', headers: Record<string, string> = {}): Asked => ({
  route: `GET /devices/${lamp}/image${query}`,
  headers
})
const put = (query = '?status=ready', body: Asked['body'] = ''): Asked => ({
  route: `PUT /devices/${lamp}/heartbeat${query}`,
  body
})

// What a fleet asks for all the time, in the forms that devices ask in, and everything that is refused on the way.
export const direct: [string, Asked][] = [
  ['the whole image', get()],
  ['a range', get('', { range: 'bytes=0-4095' })],
  ['a range clamped to the end', get('', { range: 'bytes=8192-12287' })],
  ['a range to the end', get('', { range: 'bytes=9999-' })],
  ['the last bytes', get('', { range: 'bytes=-10' })],
  ['a range past the end', get('', { range: 'bytes=10000-' })],
  ['a range that makes no sense', get('', { range: 'bytes=5-2' })],
  ['several ranges', get('', { range: 'bytes=0-1,5-6' })],
  ['a range of the same image', get('', { range: 'bytes=0-9', 'if-range': `"${sha256}"` })],
  ['a range of another image', get('', { range: 'bytes=0-9', 'if-range': '"another"' })],
  ['an image that it has', get('', { 'if-none-match': `"x", W/"${sha256}"` })],
  ['an image that it does not have', get('', { 'if-none-match': '"x"' })],
  ['a sketch that it runs', get('', { 'x-esp8266-sketch-md5': md5.toUpperCase() })],
  ['too little space', get('', { 'x-esp8266-free-space': '9999' })],
  ['enough space', get('', { 'x-esp8266-free-space': '10000' })],
  ['a deployment', get('?deployment_id=1')],
  ['a deployment, encoded', get('?deployment%5Fid=%31')],
  ['an empty query', get('?')],
  ['other parameters', get('?a&b=c&__proto__=1')],
  ['a deployment that is not there', get('?deployment_id=99')],
  ['a deployment that is none', get('?deployment_id=1e0')],
  ['a deployment of another application', get('?deployment_id=2')],
  ['an image where there is none', { route: 'GET /devices/{bare}/image' }],
  ['an image of an unknown device', { route: `GET /devices/${unknown}/image` }],
  ['an image of no secret', { route: 'GET /devices/not-a-secret/image' }],
  ['a heartbeat', put()],
  ['a heartbeat with a log', put('?status=running', 'booted\r\nready\n')],
  ['a heartbeat with bytes that are no text', put('?status=running', new Uint8Array([0x61, 0, 0xff, 0x0a, 0x63]))],
  ['a heartbeat that says what runs', put('?status=running&deployment_id=1')],
  ['a heartbeat, encoded', put('?status=%7B%22status%22%3A%22ready%22%7D')],
  ['a heartbeat without a status', put('')],
  ['a heartbeat of no status', put('?status=dancing')],
  ['a heartbeat of no deployment', put('?status=running&deployment_id=soon')],
  ['a heartbeat with NUL in its query', put('?status=%00')],
  ['a log of 64 KiB', put('?status=ready', 'x'.repeat(65_536))],
  ['a log of more', put('?status=ready', 'x'.repeat(65_537))],
  ['a log of more that does not say so', { ...put('?status=ready', 'x'.repeat(65_537)), streamed: true }],
  ['a log that does not say its length', { ...put('?status=ready', 'a line'), streamed: true }],
  ['too many lines', put('?status=ready', 'x\n'.repeat(1001))],
  ['a heartbeat of an unknown device', { route: `PUT /devices/${unknown}/heartbeat?status=ready` }],
  ['a heartbeat of no device and no status', { route: 'PUT /devices/x/heartbeat' }]
]

// What is left to Elysia.
export const others: [string, Asked][] = [
  ['HEAD', { route: `HEAD /devices/${lamp}/image`, headers: { range: 'bytes=0-9' } }],
  ['another method', { route: `POST /devices/${lamp}/heartbeat` }],
  ['the other’s method', { route: `GET /devices/${lamp}/heartbeat` }],
  ['OPTIONS', { route: `OPTIONS /devices/${lamp}/image` }],
  ['a slash at the end', { route: `GET /devices/${lamp}/image/` }],
  ['more behind it', { route: `GET /devices/${lamp}/image/x` }],
  ['more in its name', { route: `GET /devices/${lamp}/images` }],
  ['more before it', { route: `GET /v1/devices/${lamp}/image` }],
  ['it only in the query', { route: `GET /health?/devices/${lamp}/image` }],
  ['no secret at all', { route: 'GET /devices//image' }],
  ['an encoded secret', { route: 'GET /devices/%30/image' }],
  ['NUL for a secret', { route: 'PUT /devices/%00/heartbeat?status=ready' }],
  ['an encoded path', { route: `GET /devices/${lamp}/im%61ge` }],
  ['another route', { route: 'GET /health' }],
  ['a path that is not there', { route: 'GET /ada/nowhere' }]
]

/** The request to a server, as a device of these secrets sends it. */
export function requestOf({ route, headers = {}, body = '', streamed }: Asked, base: string, secrets: Secrets) {
  const [method = '', path = ''] = route.split(' ')
  const url = base + path.replace(/\{(lamp|bare)\}/, (_, name: keyof Secrets) => secrets[name])
  const bytes = new Blob([body])
  const sent = streamed ? bytes.stream() : bytes
  const length: Record<string, string> = streamed || bytes.size === 0 ? {} : { 'content-length': String(bytes.size) }
  return new Request(url, { method, headers: { ...length, ...headers }, ...(bytes.size > 0 ? { body: sent } : {}) })
}

// What the server adds on the way, and what names the headers of the request, to which `fetch` adds some.
const transport = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding', 'access-control-allow-headers'])

/** What is seen of an answer: status, headers and body. */
export async function seen(response: Response) {
  const headers = [...response.headers].filter(([name]) => !transport.has(name))
  const body = Buffer.from(await response.arrayBuffer())
  // JSON gets its length from the server.
  if (!response.headers.has('content-length')) headers.push(['content-length', String(body.byteLength)])
  return {
    status: response.status,
    headers: Object.fromEntries(headers.map(([name, value]) => [name, name === 'x-request-id' ? 'an id' : value])),
    body: body.toString('latin1')
  }
}
