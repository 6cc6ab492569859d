import type { Command, Group } from '../command.ts'
import { admin } from './admin/index.ts'
import { backup } from './backup.ts'
import { blobs } from './blobs/index.ts'
import { gc } from './gc.ts'
import { health } from './health.ts'
import { importing } from './import/index.ts'
import { migrate } from './migrate.ts'
import { restore } from './restore.ts'
import { verify } from './verify.ts'

/** Every command, in the order in which the help lists them. */
export const commands: readonly (Command | Group)[] = [admin, backup, restore, verify, importing, blobs, migrate, gc, health]
