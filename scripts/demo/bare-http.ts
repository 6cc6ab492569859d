import { connect } from 'node:net'
import { ensure } from './journal.ts'

const patience = 5000

export type BareRequest = { method: string; path: string; headers?: Record<string, string>; body?: string }
export type BareAnswer = { status: number; headers: Map<string, string>; body: Buffer }

/** One request as the esp8266 firmware sends it: HTTP/1.0 by hand, on a connection of its own. */
export function bareHttp(port: number, { method, path, headers = {}, body = '' }: BareRequest) {
  const fields = Object.entries({ host: '127.0.0.1', 'content-length': String(Buffer.byteLength(body)), ...headers })
  const head = [`${method} ${path} HTTP/1.0`, ...fields.map(([name, value]) => `${name}: ${value}`)]
  const { promise, resolve, reject } = Promise.withResolvers<BareAnswer>()
  let received: Buffer = Buffer.alloc(0)
  const socket = connect(port, '127.0.0.1', () => void socket.write(`${head.join('\r\n')}\r\n\r\n${body}`))
  socket.setTimeout(patience, () => socket.destroy(new Error(`${method} waited ${patience} ms for an answer`)))
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    try {
      const answer = readAnswer(received)
      if (!answer) return
      resolve(answer)
      socket.destroy()
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  })
  socket.on('error', reject)
  socket.on('close', () => reject(new Error(`${method} was cut off after ${received.length} bytes`)))
  return promise
}

/** Reads an answer, or gives undefined while some of it is missing. `Content-Length` is the only framing it knows. */
function readAnswer(received: Buffer): BareAnswer | undefined {
  const at = received.indexOf('\r\n\r\n')
  if (at < 0) return undefined
  const [statusLine = '', ...lines] = received.subarray(0, at).toString('latin1').split('\r\n')
  const headers = new Map(lines.map(readHeader))
  const status = Number(statusLine.match(/^HTTP\/1\.[01] (\d{3})/)?.[1])
  const length = Number(headers.get('content-length') ?? Number.NaN)
  ensure(Number.isInteger(status), `the firmware does not understand "${statusLine}"`)
  ensure(!headers.has('transfer-encoding'), 'the firmware does not understand Transfer-Encoding')
  ensure(Number.isInteger(length), 'the firmware needs a Content-Length')
  const body = received.subarray(at + 4)
  ensure(body.length <= length, `the answer has more than the ${length} bytes of its Content-Length`)
  return body.length === length ? { status, headers, body } : undefined
}

function readHeader(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}
