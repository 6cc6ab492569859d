import type { Socket } from 'bun'
import { createHistogram } from './histogram.ts'
import type { HttpLoad, HttpOutcome } from './http.ts'
import { render } from './requests.ts'

// A load generator in a process of its own: keep-alive connections with one request under way each. It reads just as
// much of HTTP as it takes to know where an answer ends, so that it takes less time than the server.

type Connection = { next: number; missing: number; head: Buffer; sentAt: number }

const nothing = Buffer.alloc(0)

process.on('message', (load: HttpLoad) => {
  run(load).then(
    (outcome) => process.send?.({ outcome }),
    (error: unknown) => process.send?.({ failed: error instanceof Error ? error.message : String(error) })
  )
})
process.on('disconnect', () => process.exit())

async function run({ port, connections, seconds, requests, status, pause = 0 }: HttpLoad): Promise<HttpOutcome> {
  const wire = render(requests)
  const times = createHistogram()
  const wrong = { count: 0, example: '' }
  const expected = `HTTP/1.1 ${status} `
  const first = Math.floor(Math.random() * wire.length) // or each round would ask for the same ones
  const unfinished = new Set<Connection>()
  const done = Promise.withResolvers<void>()
  let ending = false
  let worst = 0

  function fault(example: string) {
    if (ending) return
    wrong.count += 1
    wrong.example ||= example
  }

  function send(socket: Socket<Connection>) {
    if (ending) return
    const connection = socket.data
    if (seconds === 'once' && connection.next >= wire.length) return finish(connection)
    const bytes = wire[(first + connection.next) % wire.length] ?? nothing
    connection.next += connections
    connection.sentAt = performance.now()
    if (socket.write(bytes) !== bytes.length) fault('a request did not fit into the socket')
  }

  function finish(connection: Connection) {
    unfinished.delete(connection)
    if (unfinished.size === 0) done.resolve()
  }

  function answered(socket: Socket<Connection>) {
    const ms = performance.now() - socket.data.sentAt
    if (ending) return
    times.add(ms)
    worst = Math.max(worst, ms)
    if (pause === 0) send(socket)
    else setTimeout(send, pause, socket)
  }

  function readHead(connection: Connection, chunk: Buffer) {
    const received = connection.head.length === 0 ? chunk : Buffer.concat([connection.head, chunk])
    const end = received.indexOf('\r\n\r\n')
    connection.head = end < 0 ? received : nothing
    if (end < 0) return false
    const head = received.toString('latin1', 0, end)
    if (!head.startsWith(expected)) fault(head.slice(0, head.indexOf('\r\n')))
    connection.missing = end + 4 + lengthIn(head) - received.length
    return true
  }

  const socket = {
    open: send,
    data(of: Socket<Connection>, chunk: Buffer) {
      const connection = of.data
      if (connection.missing > 0) connection.missing -= chunk.length
      else if (!readHead(connection, chunk)) return
      if (connection.missing === 0) answered(of)
    },
    close(of: Socket<Connection>) {
      fault('a connection was closed')
      finish(of.data)
    },
    error: (_: unknown, error: Error) => fault(error.message),
    connectError: (_: unknown, error: Error) => fault(error.message)
  }

  const began = performance.now()
  const cpuBefore = process.cpuUsage()
  const opened = await Promise.all(
    Array.from({ length: connections }, (_, i) => {
      const data: Connection = { next: i, missing: 0, head: nothing, sentAt: 0 }
      unfinished.add(data)
      return Bun.connect<Connection>({ hostname: '127.0.0.1', port, data, socket })
    })
  )
  await (seconds === 'once' ? done.promise : Bun.sleep(seconds * 1000))
  ending = true
  const took = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  for (const connection of opened) connection.terminate()
  const busy = (user + system) / 1e6 / took
  const [p50, p99] = [times.quantile(0.5), times.quantile(0.99)]
  return { answered: times.total(), wrong: wrong.count, example: wrong.example, seconds: took, p50, p99, worst, busy }
}

/** The Content-Length in a head. */
function lengthIn(head: string) {
  const at = head.search(/\r\ncontent-length: /i)
  return at < 0 ? 0 : Number.parseInt(head.slice(at + 18, at + 30), 10)
}
