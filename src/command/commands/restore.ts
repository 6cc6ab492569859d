import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFolder } from '../../lib/folder-lock.ts'
import { counted, seconds } from '../../lib/plain-numbers.ts'
import { readArchive } from '../backup/reading.ts'
import type { Call, Command, Outcome } from '../command.ts'

/** `restore`: what `backup` has made, into an empty DATA_DIR. */
export const restore: Command = {
  name: 'restore',
  summary: 'puts a backup into an empty DATA_DIR',
  usage: 'restore <file>',
  about: `DATA_DIR is made, or must be empty. Every digest is checked; where the archive breaks off or the database in it is damaged,
nothing is left behind. A hub of the same or a newer Updraft then starts on it. It is the same hub as before, by its secrets and
by what it calls its containers: do not run both.`,
  options: {},
  run: put
}

async function put(call: Call): Promise<Outcome> {
  const { config, given, say } = call
  const [file = ''] = given
  if (config.databaseUrl) throw new Error('A backup is that of a hub on SQLite: restore it without DATABASE_URL, then import it')
  if (!(await Bun.file(file).exists())) throw new Error(`There is no file ${file}`)
  const began = performance.now()
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const unlock = lockFolder(config.dataDir)
  try {
    if ((await contentsOf(config.dataDir)).length > 0) throw new Error(`${config.dataDir} is not empty`)
    const { manifest, blobs, wrong } = await readArchive(file, call).catch(async (error: unknown) => {
      for (const name of await contentsOf(config.dataDir)) await rm(join(config.dataDir, name), { recursive: true, force: true })
      throw error
    })
    for (const line of wrong) say(`WRONG  ${line}`)
    say(
      `The hub of ${manifest.madeAt} is in ${config.dataDir}, with ${counted(blobs, 'blob')}; ${seconds(performance.now() - began)}.`
    )
    return wrong.length === 0 ? 'done' : 'wrong'
  } finally {
    unlock()
  }
}

/** All but the lock that was just taken. */
const contentsOf = async (folder: string) => (await readdir(folder)).filter((name) => !/^lock(-journal)?$/.test(name))
