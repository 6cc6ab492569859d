import { expect, test } from 'bun:test'
import { operate } from '../support/command.ts'
import { hubHome } from '../support/process.ts'

test('health says whether the hub on this machine is well', async () => {
  await using home = await hubHome()
  const hub = await home.start()
  const { port } = new URL(hub.base)
  expect(await operate('health', { PORT: port })).toEqual({ code: 0, output: 'The hub is well.\n', complaints: '' })
  expect(await operate('health', { PORT: port, HOST: '0.0.0.0' })).toMatchObject({ code: 0 })
  hub.child.kill('SIGTERM')
  await hub.child.exited
  const gone = await operate('health', { PORT: port })
  expect(gone).toEqual({ code: 1, output: '', complaints: `http://127.0.0.1:${port}/health does not answer\n` })
})
