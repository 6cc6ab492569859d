import { Database } from 'bun:sqlite'
import { join } from 'node:path'

/**
 * Takes a folder for this process alone, and gives the way to let it go; the system does so when the process dies.
 * Throws when another process has it.
 */
export function lockFolder(folder: string) {
  const unlock = take(join(folder, 'lock'))
  if (!unlock) throw new Error(`${folder} is in use by another process`)
  return unlock
}

/** Takes the right to remove bytes from a folder, which one process has at a time; undefined when another has it. */
export const lockSweeping = (folder: string) => take(join(folder, 'sweep-lock'))

function take(path: string) {
  const lock = new Database(path)
  try {
    lock.run('BEGIN EXCLUSIVE')
  } catch {
    lock.close()
    return undefined
  }
  return () => lock.close()
}
