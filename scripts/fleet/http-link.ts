import { type Address, connectFrom } from './address.ts'

const patience = 30_000
const nothing: Buffer = Buffer.alloc(0)

export type Ask = { method: string; path: string; headers?: Record<string, string>; body?: string }
export type Answer = { status: number; head: string; body: Buffer }
export type HttpLink = ReturnType<typeof createHttpLink>

/** A kept-alive HTTP/1.1 connection over a bare socket, made with the first request: one after the other, answers with a `Content-Length`. */
export function createHttpLink(address: Address, index = 0) {
  let socket: Bun.Socket | undefined
  let received = nothing
  let under: { text: string; answer: PromiseWithResolvers<Answer>; timer: ReturnType<typeof setTimeout> } | undefined

  function end(error: Error) {
    const ended = under
    under = undefined
    clearTimeout(ended?.timer)
    ended?.answer.reject(error)
    socket?.terminate()
    socket = undefined
    received = nothing
  }

  function data(bytes: Buffer) {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
    const answer = readAnswer(received)
    if (!answer || !under) return
    const { answer: waiting, timer } = under
    under = undefined
    received = nothing
    clearTimeout(timer)
    waiting.resolve(answer)
  }

  function write(to: Bun.Socket) {
    const text = under?.text ?? ''
    if (to.write(text) !== text.length) end(new Error('HTTP: a request did not fit the socket'))
  }

  function connect() {
    const handlers: Bun.SocketHandler<undefined> = {
      open(made) {
        if (!under) return made.terminate() // given up meanwhile
        socket = made
        write(made)
      },
      data: (_socket, bytes) => data(bytes),
      close(closed) {
        if (closed === socket) end(new Error('HTTP: the connection was closed'))
      },
      connectError: () => end(new Error('HTTP: no connection'))
    }
    Bun.connect(connectFrom(index, address, { socket: handlers })).catch(() => {}) // `connectError` has told
  }

  return {
    /** Sends a request and gives the answer; the one before must have been answered. */
    ask({ method, path, headers = {}, body = '' }: Ask): Promise<Answer> {
      const fields = Object.entries({
        host: `${address.host}:${address.port}`,
        'content-length': String(body.length),
        ...headers
      })
      const text = `${method} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
      const timer = setTimeout(() => end(new Error(`HTTP: no answer in ${patience / 1000} s`)), patience)
      under = { text, answer: Promise.withResolvers(), timer }
      const { promise } = under.answer
      if (socket) write(socket)
      else connect()
      return promise
    },

    /** Closes the connection; a request under way fails. */
    close: () => end(new Error('HTTP: given up'))
  }
}

/** Reads an answer, or gives undefined while some of it is missing. */
function readAnswer(bytes: Buffer): Answer | undefined {
  const at = bytes.indexOf('\r\n\r\n')
  if (at < 0) return undefined
  const head = bytes.toString('latin1', 0, at + 2)
  const length = Number(head.match(/\r\ncontent-length: *(\d+)\r/i)?.[1] ?? 0)
  if (bytes.length < at + 4 + length) return undefined
  return { status: Number(head.slice(9, 12)), head, body: bytes.subarray(at + 4, at + 4 + length) }
}
