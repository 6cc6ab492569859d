import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import project from '../../../package.json' with { type: 'json' }
import type { Config } from '../../config.ts'
import { copySqlite } from '../../db/copy.ts'
import { sqliteFile } from '../../db/files.ts'
import { openBeside } from '../../db/open.ts'
import { createReferences } from '../../features/blobs/references.ts'
import { lockSweeping } from '../../lib/folder-lock.ts'
import { counted, seconds, sized } from '../../lib/plain-numbers.ts'
import { writeArchive } from '../backup/archive.ts'
import { wantedBytes } from '../checks/bytes.ts'
import type { Call, Command, Outcome } from '../command.ts'
import { openStore, secretFiles } from '../place.ts'

/** `backup`: rows, bytes and secrets of a hub on SQLite, in one file. */
export const backup: Command = {
  name: 'backup',
  summary: 'copies a hub on SQLite, running or not, with all its bytes into one file',
  usage: 'backup <file>',
  about: `The file is a tar archive: the database as it is at one moment, every stored byte that its rows need, and the secrets jwt-secret
and hub-id. Whoever has it can sign in as anybody: it is readable by its owner only. Beside it there must be room for a copy of
the database while it is made. On PostgreSQL use pg_dump, and copy the bytes after it.`,
  options: {},
  run: make
}

async function make(call: Call): Promise<Outcome> {
  const { config, given, say, progress } = call
  const [name = ''] = given
  const file = resolve(name)
  if (config.databaseUrl) throw new Error('The rows are in PostgreSQL: use pg_dump, and copy the bytes after it')
  if (existsSync(file)) throw new Error(`${file} is there already`)
  const began = performance.now()
  await openBeside(config).then((db) => db.close()) // or a sentence why not
  const folder = await mkdtemp(join(dirname(file), '.updraft-backup-'))
  let resume = () => {}
  try {
    resume = await holdSweeping(call)
    const partial = join(folder, 'archive.tar')
    const copied = await copyRows(call, folder)
    progress.say(`The rows are copied: ${sized(copied.database.size)}.`)
    const { wanted, bytes } = await bytesFor(config, folder)
    const secrets = await secretsOf(config)
    const manifest = {
      format: 'updraft backup 1',
      version: project.version,
      madeAt: new Date().toISOString(),
      ...copied,
      bytes
    } as const
    const contents = { manifest: { ...manifest, blobs: wanted.length }, database: sqliteFile(folder), secrets, wanted }
    const wrong = await writeArchive(partial, { ...contents, store: openStore(config) }, call)
    await rename(partial, file)
    for (const line of wrong) say(`WRONG  ${line}`)
    const inside = ['the database', ...secrets.map((secret) => secret.name), counted(wanted.length - wrong.length, 'blob')]
    say(`${file}: ${inside.join(', ')}; ${sized(Bun.file(file).size)} in ${seconds(performance.now() - began)}.`)
    if (config.jwtSecret) say('JWT_SECRET is not inside, as it is configured: keep it too. Without it no log can be verified.')
    return wrong.length === 0 ? 'done' : 'wrong'
  } finally {
    resume()
    await rm(folder, { recursive: true, force: true })
  }
}

/** While a backup is made no bytes are removed: they may be those of rows that it has copied. */
async function holdSweeping({ config, progress, signal }: Call) {
  for (let waited = 0; ; waited++) {
    const resume = lockSweeping(config.dataDir)
    if (resume) return resume
    if (waited === 0) progress.say('Waiting for bytes to be swept, or for another backup…')
    await Bun.sleep(100)
    signal.throwIfAborted()
  }
}

async function copyRows({ config, progress, signal }: Call, folder: string) {
  const copy = sqliteFile(folder)
  const report = (done: number, of: number) => progress.show('rows', { done, of, note: `${sized(done)} of ${sized(of)}` })
  await copySqlite({ from: sqliteFile(config.dataDir), to: copy }, { report, signal })
  const digest = new Bun.CryptoHasher('sha256')
  for await (const chunk of Bun.file(copy).stream()) digest.update(chunk)
  return { database: { size: Bun.file(copy).size, sha256: digest.digest('hex') } }
}

/** The bytes that the copied rows need. */
async function bytesFor(config: Config, folder: string) {
  const db = await openBeside({ ...config, dataDir: folder })
  try {
    const wanted = [...(await wantedBytes(createReferences({ db }))).values()]
    return { wanted, bytes: wanted.reduce((sum, { size }) => sum + size, 0) }
  } finally {
    await db.close()
  }
}

async function secretsOf({ dataDir }: Config) {
  const there = secretFiles.filter((name) => existsSync(join(dataDir, name)))
  return Promise.all(there.map(async (name) => ({ name, text: await readFile(join(dataDir, name), 'utf8') })))
}
