import { clientOf, secretOf } from '../fleet.ts'

/**
 * How requests are made: `{secret}` in the path, and `{client}` in the body, stand for that of each of so many `devices` in
 * turn; `ranges` asks for random ranges of `length` bytes of a file of `size`.
 */
export type Requests = {
  method: 'GET' | 'POST' | 'PUT'
  path: string
  devices: number
  body?: string
  ranges?: { size: number; length: number }
}

const rangesAtMost = 4096
const stride = 7919 // a prime: each device has its turn, and neighbours in the database are none in time

/** The requests as they go over the wire; to be sent in turn, and from the beginning again. */
export function render({ method, path, devices, body = '', ranges }: Requests) {
  const count = ranges ? Math.max(rangesAtMost, devices) : devices
  return Array.from({ length: count }, (_, i) => {
    const number = 1 + ((i * stride) % devices)
    const head = [`${method} ${path.replace('{secret}', () => secretOf(number))} HTTP/1.1`, 'Host: 127.0.0.1']
    const content = body.replace('{client}', () => clientOf(number))
    if (content !== '') head.push(`Content-Length: ${Buffer.byteLength(content)}`, `Content-Type: ${typeOf(content)}`)
    if (ranges) head.push(`Range: ${randomRange(ranges)}`)
    return Buffer.from(`${head.join('\r\n')}\r\n\r\n${content}`)
  })
}

const typeOf = (content: string) => (content.startsWith('{') ? 'application/json' : 'text/plain')

function randomRange({ size, length }: { size: number; length: number }) {
  const start = Math.floor(Math.random() * (size - length + 1))
  return `bytes=${start}-${start + length - 1}`
}
