import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { extract, type Header } from 'tar-stream'
import type { BlobStore } from '../../blobs/store.ts'
import { sqliteFile } from '../../db/files.ts'
import { sized } from '../../lib/plain-numbers.ts'
import type { Call } from '../command.ts'
import { openStore, secretFiles } from '../place.ts'
import { type Manifest, names, readManifest } from './manifest.ts'

const smallAtMost = 64 * 1024

/** A file in the archive, as it is read. */
type Entry = AsyncIterable<Uint8Array> & { header: Header }

type Reading = {
  dataDir: string
  store: BlobStore
  manifest?: Manifest
  blobs: number
  done: number
  ended: boolean
  wrong: string[]
}

/** Puts what is in a backup where a hub finds it. Throws a sentence for what is no whole backup; then nothing may be used of what is there. */
export async function readArchive(file: string, { config, progress, signal }: Call) {
  const store = openStore(config)
  await store.prepare()
  const reading: Reading = { dataDir: config.dataDir, store, blobs: 0, done: 0, ended: false, wrong: [] }
  const archive = extract()
  const fed = pipeline(createReadStream(file), archive, { signal }).catch((error: unknown) => error)
  try {
    for await (const entry of archive) {
      signal.throwIfAborted()
      await take(entry as unknown as Entry, reading) // its types are those of Node's streams, which it is not one of
      const of = reading.manifest?.bytes ?? 0
      progress.show('bytes', { done: reading.done, of, note: `${sized(reading.done)} of ${sized(of)}` })
    }
  } catch (error) {
    throw error instanceof Error && /end of data|tar header/i.test(error.message) ? brokenOff(file) : error
  } finally {
    await fed
    progress.clear()
  }
  return finish(file, reading)
}

const brokenOff = (file: string) => new Error(`${file} is damaged, or breaks off`)

async function take(entry: Entry, reading: Reading) {
  const { name } = entry.header
  if (!reading.manifest) {
    if (name !== names.manifest) throw new Error('This is no backup of Updraft')
    reading.manifest = readManifest(await textOf(entry))
  } else if (name === names.end) reading.ended = true
  else if (name === names.database) await takeDatabase(entry, reading, reading.manifest)
  else if (name.startsWith(names.blobs)) await takeBlob(entry, reading)
  else if (secretFiles.some((secret) => secret === name))
    await writeFile(join(reading.dataDir, name), await textOf(entry), { mode: 0o600 })
  else throw new Error(`There is a file ${name} in the backup, which does not belong there`)
}

async function textOf(entry: Entry) {
  const { size } = entry.header
  if (size > smallAtMost) throw new Error('This is no backup of Updraft')
  const chunks: Uint8Array[] = []
  for await (const chunk of entry) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** Under another name until all the rest is there: a hub must not find half of it. */
const unfinished = (dataDir: string) => `${sqliteFile(dataDir)}.restoring`

async function takeDatabase(entry: Entry, { dataDir }: Reading, { database }: Manifest) {
  const digest = new Bun.CryptoHasher('sha256')
  await pipeline(
    entry,
    async function* (source: AsyncIterable<Uint8Array>) {
      for await (const chunk of source) {
        digest.update(chunk)
        yield chunk
      }
    },
    createWriteStream(unfinished(dataDir), { flags: 'wx', mode: 0o600 })
  )
  if (digest.digest('hex') !== database.sha256) throw new Error('The database in the backup is damaged')
}

async function takeBlob(entry: Entry, reading: Reading) {
  const { name, size } = entry.header
  const staged = await reading.store.stage(entry, size)
  reading.done += size
  if (staged.sha256 === name.slice(names.blobs.length)) {
    await staged.keep()
    reading.blobs++
    return
  }
  await staged.discard()
  reading.wrong.push(`the bytes ${name.slice(names.blobs.length)} are damaged in the backup`)
}

async function finish(file: string, { dataDir, manifest, blobs, ended, wrong }: Reading) {
  if (!manifest || !ended) throw brokenOff(file)
  await using database = await open(unfinished(dataDir), 'r')
  await database.sync()
  await rename(unfinished(dataDir), sqliteFile(dataDir))
  await using folder = await open(dataDir, 'r')
  await folder.sync()
  return { manifest, blobs, wrong }
}
