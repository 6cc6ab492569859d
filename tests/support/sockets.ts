import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends bytes over a bare socket and gives all that comes back until the other end closes, or until `complete` says so. */
export function exchange(port: number, bytes: string | Uint8Array, complete: (received: Buffer) => boolean = () => false) {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const socket = connect(port, '127.0.0.1', () => void socket.write(bytes))
  let received = Buffer.alloc(0)
  const timer = setTimeout(
    () => socket.destroy(new Error(`nothing complete within 5 s, only: ${received.toString('latin1').slice(0, 500)}`)),
    5000
  )
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    if (complete(received)) socket.destroy()
  })
  socket.on('error', reject)
  socket.on('close', () => {
    clearTimeout(timer)
    resolve(received)
  })
  return promise
}

/** One HTTP request as a firmware sends it: by hand, answered with a `Content-Length`. */
export async function rawHttp(port: number, request: string, body = '') {
  const received = await exchange(port, request + body, (bytes) => isComplete(bytes))
  const at = received.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = received.subarray(0, at).toString('latin1').split('\r\n')
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
  )
  return { status: Number(statusLine.split(' ')[1]), headers, body: received.subarray(at + 4) }
}

function isComplete(bytes: Buffer) {
  const at = bytes.indexOf('\r\n\r\n')
  if (at < 0) return false
  const length = bytes
    .subarray(0, at)
    .toString('latin1')
    .match(/\r\ncontent-length: *(\d+)/i)?.[1]
  return length !== undefined && bytes.length >= at + 4 + Number(length)
}

/** A bare TCP connection that says nothing; `closed` resolves when the other end, or the test, ends it. */
export async function silentSocket(port: number) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  return {
    closed,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    [Symbol.asyncDispose]: async () => void socket.destroy()
  }
}

/** A WebSocket by hand: what has come so far as bytes, and how it was closed. */
export async function webSocket(url: string, protocols: string[] = []) {
  const socket = new WebSocket(url, protocols)
  socket.binaryType = 'arraybuffer'
  const closed = new Promise<{ code: number }>((resolve) => socket.addEventListener('close', ({ code }) => resolve({ code })))
  const opened = new Promise<boolean>((resolve) => {
    socket.addEventListener('open', () => resolve(true))
    socket.addEventListener('error', () => resolve(false))
  })
  let received = Buffer.alloc(0)
  let news = Promise.withResolvers<void>()
  socket.addEventListener('message', ({ data }) => {
    received = Buffer.concat([received, Buffer.from(data as ArrayBuffer)])
    news.resolve()
    news = Promise.withResolvers<void>()
  })
  return {
    socket,
    isOpen: await opened,
    closed,
    /** The first bytes that have come, once there are so many. */
    async bytes(count: number) {
      while (received.length < count) await news.promise
      return received.subarray(0, count)
    },
    [Symbol.asyncDispose]: async () => socket.close()
  }
}
