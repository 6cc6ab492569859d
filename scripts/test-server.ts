import { createServer } from 'node:net'

/** Runs a program to its end; gives what it printed, and throws where it fails. */
export async function run(command: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn(command, { env: { ...process.env, ...env }, stdout: 'pipe', stderr: 'pipe' })
  const [code, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text()
  ])
  if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
  return stdout
}

/** A loopback port that nobody listens on. */
export async function freePort() {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}

/** Tries again, for up to so many ms. */
export async function untilDone<T>(work: () => Promise<T>, most: number) {
  const deadline = Date.now() + most
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await Bun.sleep(100)
    }
  }
}
