import { Database } from 'bun:sqlite'
import { join } from 'node:path'

/**
 * Takes a folder for this process alone, and gives the way to let it go; the system does so when the process dies.
 * Throws when another process has it.
 */
export function lockFolder(folder: string) {
  const lock = new Database(join(folder, 'lock'))
  try {
    lock.run('BEGIN EXCLUSIVE')
  } catch {
    lock.close()
    throw new Error(`${folder} is in use by another process`)
  }
  return () => lock.close()
}
