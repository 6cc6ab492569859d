import { expect, test } from 'bun:test'
import { type AddressInfo, createServer } from 'node:net'
import { createLink } from '../../src/db/postgres-link.ts'

test('a server that takes connections and closes them at once is tried a few times only', async () => {
  let tries = 0
  const fourth = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.destroy()
    if (++tries === 4) fourth.resolve()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const link = createLink(`postgres://hub@127.0.0.1:${port}/hub`, { channels: ['hub'], log: undefined })
  const watching = link.watch()
  await fourth.promise
  await link.close() // when the last question is given up, seconds later
  await watching
  server.close()
  expect(tries).toBeLessThan(20)
}, 15_000)
