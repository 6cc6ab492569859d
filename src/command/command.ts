import type { Config } from '../config.ts'
import type { Progress } from '../lib/progress.ts'

/** An option: with `value` it takes one, which the help calls by that name; without, it is a switch. */
export type Option = { value?: string; about: string }

/** What a command is asked with. */
export type Call = {
  config: Config
  /** What stands for the `<…>` of its usage, in this order. */
  given: readonly string[]
  option(name: string): string | undefined
  isOn(name: string): boolean
  /** Writes a line of the result to standard output. */
  say(line: string): void
  /** Shows on standard error how far it is. */
  progress: Progress
  /** Aborted when somebody wants it to end: it then leaves nothing half done behind. */
  signal: AbortSignal
}

/** How a command ends: it has done what it was asked to, or found something to be wrong. */
export type Outcome = 'done' | 'wrong'

export type Command = {
  name: string
  /** One line, for the list of commands. */
  summary: string
  /** The name, and a `<…>` for each thing that must be given: `backup <file>`. */
  usage: string
  /** What its help says besides. */
  about: string
  options: Readonly<Record<string, Option>>
  run(call: Call): Promise<Outcome>
}

/** Commands that belong together: `admin create`, `admin password`. */
export type Group = { name: string; summary: string; commands: readonly Command[] }

/** What a complaint is about, whose help is then shown: nothing less than all commands where it is left out. */
export type About = { command: Command; group?: Group } | { group: Group }

/** The command line makes no sense. */
export class UsageError extends Error {
  override name = 'UsageError'
  readonly about: About | undefined
  constructor(message: string, about?: About) {
    super(message)
    this.about = about
  }
}
