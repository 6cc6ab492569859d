import { basename } from 'node:path'
import { describeConfig } from '../config.ts'
import { isPacked } from '../lib/assets.ts'
import type { About, Command, Group } from './command.ts'

/** What is typed before the name of a command. */
export const program = isPacked ? basename(process.execPath) : 'bun run hub'

const endings = 'Ends with 0 when it is done, 1 when it failed or something is wrong, 2 when it was asked for what there is not.'

function table(rows: [string, string][]) {
  const width = Math.max(...rows.map(([name]) => name.length)) + 3
  return rows.map(([name, about]) => `  ${name.padEnd(width)}${about}`).join('\n')
}

/** The help of all commands. */
export const helpOfAll = (all: readonly (Command | Group)[]) =>
  [
    `${program} <command>: the operator’s command of Updraft`,
    table(all.map((each) => ['commands' in each ? `${each.name} …` : each.usage, each.summary])),
    `It reads the environment that the hub reads: DATA_DIR, DATABASE_URL, JWT_SECRET and what else is set for it.`,
    `${program} <command> --help says more of one. ${endings}`
  ].join('\n\n')

/** The help of the whole program: the one-file build is the hub as well. */
export const helpOfProgram = (all: readonly (Command | Group)[]) =>
  [
    helpOfAll(all),
    ...(isPacked ? [`Without a command it is the hub, which is configured by:\n\n${describeConfig().join('\n')}`] : [])
  ].join('\n\n')

export const helpOfGroup = ({ name, summary, commands }: Group) =>
  [
    `${program} ${name} <command>: ${summary}`,
    table(commands.map((each) => [`${name} ${each.usage}`, each.summary])),
    `${program} ${name} <command> --help says more of one. ${endings}`
  ].join('\n\n')

export function helpOfCommand({ usage, summary, about, options }: Command, group?: Group) {
  const rows = Object.entries(options).map(([name, option]): [string, string] => [
    option.value === undefined ? `--${name}` : `--${name} <${option.value}>`,
    option.about
  ])
  return [
    `${[program, ...(group ? [group.name] : []), usage].join(' ')}: ${summary}`,
    about,
    table([...rows, ['--help', 'this text']]),
    endings
  ].join('\n\n')
}

/** The help that is nearest to a complaint. */
export const helpOf = (about: About) =>
  'command' in about ? helpOfCommand(about.command, about.group) : helpOfGroup(about.group)
