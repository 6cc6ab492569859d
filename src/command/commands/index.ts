import type { Command, Group } from '../command.ts'
import { migrate } from './migrate.ts'

/** Every command, in the order in which the help lists them. */
export const commands: readonly (Command | Group)[] = [migrate]
