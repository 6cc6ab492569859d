import { ConfigError, readConfig } from '../config.ts'
import { createProgress } from '../lib/progress.ts'
import { type Asked, understand } from './arguments.ts'
import { UsageError } from './command.ts'
import { commands } from './commands/index.ts'
import { helpOf, helpOfAll } from './help.ts'

const interrupted = 130

/** Runs the operator's command with these words; gives the code to end with. */
export async function runCommand(words: readonly string[]): Promise<number> {
  try {
    const asked = understand(commands, words)
    if (!('command' in asked)) {
      console.log(asked.help)
      return 0
    }
    return await perform(asked)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${error.message}\n\n${error.about ? helpOf(error.about) : helpOfAll(commands)}`)
    return 2
  }
}

async function perform({ command, about, given, values }: Asked): Promise<number> {
  const progress = createProgress()
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  try {
    const outcome = await command.run({
      config: readConfig(process.env),
      given,
      option: (name) => (typeof values[name] === 'string' ? values[name] : undefined),
      isOn: (name) => values[name] === true,
      say: (line) => {
        progress.clear()
        console.log(line)
      },
      progress,
      signal: stopping.signal
    })
    return outcome === 'done' ? 0 : 1
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(error.message, about)
    progress.clear()
    if (stopping.signal.aborted) console.error('Interrupted; nothing half done is left behind.')
    else if (error instanceof ConfigError) console.error(`The configuration is wrong:\n${error.message}`)
    else console.error(sentenceOf(error))
    return stopping.signal.aborted ? interrupted : 1
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop)
  }
}

const notAllowed = /^(EACCES|EPERM|SQLITE_(CANTOPEN|READONLY|PERM)(_.*)?)$/

function sentenceOf(error: unknown) {
  if (!(error instanceof Error)) return String(error)
  const isNotAllowed = 'code' in error && notAllowed.test(String(error.code))
  return isNotAllowed ? `${error.message}: run it as the user of the hub, to whom DATA_DIR belongs` : error.message
}
