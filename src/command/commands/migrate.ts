import { mkdir } from 'node:fs/promises'
import { migrateDatabase, migrationsOf } from '../../db/open.ts'
import { lockFolder } from '../../lib/folder-lock.ts'
import type { Call, Command, Outcome } from '../command.ts'

/** `migrate`: what a hub does by itself when it starts, at a time of one's own choosing. */
export const migrate: Command = {
  name: 'migrate',
  summary: 'brings the database up to date, or makes it',
  usage: 'migrate',
  about: `A hub does the same when it starts. On SQLite no hub may be running on DATA_DIR. On PostgreSQL it waits for others who are at it;
hubs of an older Updraft should be stopped before.`,
  options: { status: { about: 'changes nothing: says which migrations were applied, and which are to come' } },
  run: (call) => (call.isOn('status') ? status(call) : apply(call))
}

async function status({ config, say }: Call): Promise<Outcome> {
  const { applied, pending } = await migrationsOf(config)
  for (const tag of applied) say(`applied  ${tag}`)
  for (const tag of pending) say(`to come  ${tag}`)
  return 'done'
}

async function apply({ config, say, progress }: Call): Promise<Outcome> {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const unlock = config.databaseUrl ? () => {} : lockFolder(config.dataDir)
  try {
    const applied = await migrateDatabase(config, (tag, done, of) => progress.show('migrations', { done, of, note: tag }))
    for (const tag of applied) say(`applied  ${tag}`)
    if (applied.length === 0) say('The database is up to date.')
    return 'done'
  } finally {
    unlock()
  }
}
