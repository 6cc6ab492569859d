import { secretOf } from '../fleet.ts'

/**
 * How requests are made: `{secret}` in the path stands for that of each of so many `devices` in turn; `ranges` asks for
 * random ranges of `length` bytes of a file of `size`.
 */
export type Requests = {
  method: 'GET' | 'PUT'
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
    const head = [`${method} ${path.replace('{secret}', secretOf(1 + ((i * stride) % devices)))} HTTP/1.1`, 'Host: 127.0.0.1']
    if (body !== '') head.push(`Content-Length: ${Buffer.byteLength(body)}`, 'Content-Type: text/plain')
    if (ranges) head.push(`Range: ${randomRange(ranges)}`)
    return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
  })
}

function randomRange({ size, length }: { size: number; length: number }) {
  const start = Math.floor(Math.random() * (size - length + 1))
  return `bytes=${start}-${start + length - 1}`
}
