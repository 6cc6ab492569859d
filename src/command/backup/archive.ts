import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Pack } from 'tar-stream'
import type { BlobStore } from '../../blobs/store.ts'
import type { Reference } from '../../features/blobs/references.ts'
import { packed, putFile } from '../../features/containers/archives.ts'
import { sized } from '../../lib/plain-numbers.ts'
import type { Call } from '../command.ts'
import { type Manifest, names, writeManifest } from './manifest.ts'

type Contents = {
  manifest: Manifest
  /** The copy of the database. */
  database: string
  secrets: readonly { name: string; text: string }[]
  wanted: readonly Reference[]
  store: BlobStore
}

/** Writes a backup to a new file at `path`, for its owner's eyes only, until it is on disk; gives a line for all bytes that were not as they should be. */
export async function writeArchive(path: string, contents: Contents, call: Pick<Call, 'progress' | 'signal'>) {
  const wrong: string[] = []
  const archive = packed(async (tar) => {
    const { manifest, database, secrets, wanted, store } = contents
    await putText(tar, names.manifest, writeManifest(manifest))
    for (const { name, text } of secrets) await putText(tar, name, text)
    const file = Bun.file(database)
    await put(tar, { name: names.database, size: file.size }, file.stream())
    let done = 0
    for (const reference of wanted) {
      call.signal.throwIfAborted()
      call.progress.show('bytes', { done, of: manifest.bytes, note: `${sized(done)} of ${sized(manifest.bytes)}` })
      const complaint = await putBlob(tar, reference, store)
      if (complaint) wrong.push(complaint)
      done += reference.size
    }
    await putText(tar, names.end, '')
  })
  await pipeline(Readable.from(archive), createWriteStream(path, { flags: 'wx', mode: 0o600 }))
  await using file = await open(path, 'r')
  await file.sync()
  return wrong
}

const put = (tar: Pack, header: { name: string; size: number }, source: AsyncIterable<Uint8Array>) =>
  putFile(tar, { ...header, mode: 0o600 }, Readable.from(source))

async function putText(tar: Pack, name: string, text: string) {
  const bytes = new TextEncoder().encode(text)
  await put(tar, { name, size: bytes.byteLength }, new Blob([bytes]).stream())
}

/** Bytes of another size are left out; that they are others shows only when they have gone in, and whoever restores them sees it too. */
async function putBlob(tar: Pack, { what, id, sha256, size, required }: Reference, store: BlobStore) {
  const found = await store.sizeOf(sha256)
  if (found === undefined && !required) return undefined
  if (found !== size) return `${what} ${id}: the bytes ${sha256} are ${found === undefined ? 'not there' : 'damaged'}`
  const digest = new Bun.CryptoHasher('sha256')
  await put(tar, { name: `${names.blobs}${sha256}`, size }, hashed(await store.read(sha256, 0, size - 1), digest))
  return digest.digest('hex') === sha256 ? undefined : `${what} ${id}: the bytes ${sha256} are not what was stored`
}

async function* hashed(source: AsyncIterable<Uint8Array>, digest: Bun.CryptoHasher) {
  for await (const chunk of source) {
    digest.update(chunk)
    yield chunk
  }
}
