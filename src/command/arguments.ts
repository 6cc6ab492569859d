import { parseArgs } from 'node:util'
import { type About, type Command, type Group, UsageError } from './command.ts'
import { helpOfCommand, helpOfGroup, helpOfProgram } from './help.ts'

/** A command, with what it is given. */
export type Asked = { command: Command; about: About; given: string[]; values: Record<string, string | boolean | undefined> }

const asksHelp = (word: string | undefined) => word === undefined || word === '--help' || word === '-h' || word === 'help'

/** What the words of a command line ask for: a command, or a text that explains. Throws `UsageError`. */
export function understand(all: readonly (Command | Group)[], words: readonly string[]): Asked | { help: string } {
  const [first, ...rest] = words
  if (asksHelp(first)) return { help: helpOfProgram(all) }
  const found = all.find(({ name }) => name === first)
  if (!found) throw new UsageError(`There is no command ${first}`)
  if (!('commands' in found)) return ofCommand(found, rest)
  const [second, ...others] = rest
  if (asksHelp(second)) return { help: helpOfGroup(found) }
  const command = found.commands.find(({ name }) => name === second)
  if (!command) throw new UsageError(`There is no command ${found.name} ${second}`, { group: found })
  return ofCommand(command, others, found)
}

function ofCommand(command: Command, words: string[], group?: Group): Asked | { help: string } {
  const about = group ? { command, group } : { command }
  if (words.some((word) => word === '--help' || word === '-h')) return { help: helpOfCommand(command, group) }
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { value }]) => [
      name,
      { type: value === undefined ? 'boolean' : 'string' } as const
    ])
  )
  const { values, positionals } = parsed(() => parseArgs({ args: words, options, allowPositionals: true }), about)
  const wanted = [...command.usage.matchAll(/<([^>]+)>/g)].map(([, name]) => name)
  const missing = wanted[positionals.length]
  if (missing !== undefined) throw new UsageError(`<${missing}> is missing`, about)
  if (positionals.length > wanted.length) throw new UsageError(`${positionals[wanted.length]} is one word too many`, about)
  return { command, about, given: positionals, values }
}

function parsed<T>(parse: () => T, about: UsageError['about']): T {
  try {
    return parse()
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('. ')
    throw new UsageError(sentence, about)
  }
}
