import type { Call, Command, Outcome } from '../command.ts'

const patience = 5000
const anyAddress = new Set(['0.0.0.0', '::'])

/** `health`: asks a hub that runs on this machine. */
export const health: Command = {
  name: 'health',
  summary: 'asks the hub on this machine whether it is well',
  usage: 'health',
  about: `It asks GET /health at HOST and PORT, and waits for up to five seconds: for a container's health check, or a script.
Ends with 1 when the hub is not well, or does not answer.`,
  options: {},
  run: ask
}

async function ask({ config: { host, port }, say }: Call): Promise<Outcome> {
  const address = anyAddress.has(host) ? '127.0.0.1' : host
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}/health`
  const answer = await fetch(url, { signal: AbortSignal.timeout(patience) }).catch(() => undefined)
  if (!answer) throw new Error(`${url} does not answer`)
  const text = await answer.text()
  say(answer.ok ? 'The hub is well.' : `The hub is not well: ${answer.status} ${text}`)
  return answer.ok ? 'done' : 'wrong'
}
