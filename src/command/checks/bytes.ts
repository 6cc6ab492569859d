import type { BlobStore } from '../../blobs/store.ts'
import type { Reference, References } from '../../features/blobs/references.ts'
import { sized } from '../../lib/plain-numbers.ts'
import type { Call } from '../command.ts'

type Needs = Pick<Call, 'progress' | 'signal'> & { references: References; store: BlobStore }

/** What a check of the bytes found: how many are there and right, how many nothing refers to, and a line for each that is wrong. */
export type BytesChecked = { sound: number; bytes: number; orphans: number; wrong: string[] }

/** The rows that need bytes, one for each digest. */
export async function wantedBytes(references: References) {
  const wanted = new Map<string, Reference>()
  for await (const page of references.all()) {
    for (const reference of page) if (wanted.get(reference.sha256)?.required !== true) wanted.set(reference.sha256, reference)
  }
  return wanted
}

/** What is wrong with the bytes that a row needs, read to their end; undefined where nothing is. */
export async function complaintAbout({ what, id, sha256, size, required }: Reference, store: BlobStore, depth: 'read' | 'look') {
  const named = `${what} ${id}: the bytes ${sha256}`
  const found = await store.sizeOf(sha256)
  if (found === undefined) return required ? `${named} are not there` : undefined
  if (found !== size) return `${named} are ${found} bytes instead of ${size}`
  if (depth === 'look') return undefined
  const digest = new Bun.CryptoHasher('sha256')
  for await (const chunk of await store.read(sha256, 0, size - 1)) digest.update(chunk)
  return digest.digest('hex') === sha256 ? undefined : `${named} are not what was stored`
}

/** Checks the bytes of every row that needs some, and counts those that none needs. What goes while it is checked is no complaint. */
export async function checkBytes({ references, store, progress, signal }: Needs, depth: 'read' | 'look'): Promise<BytesChecked> {
  const wanted = await wantedBytes(references)
  const of = [...wanted.values()].reduce((sum, { size }) => sum + size, 0)
  const found: BytesChecked = { sound: 0, bytes: 0, orphans: 0, wrong: [] }
  let done = 0
  for (const reference of wanted.values()) {
    signal.throwIfAborted()
    progress.show('bytes', { done, of, note: `${sized(done)} of ${sized(of)}` })
    const complaint = await complaintAbout(reference, store, depth)
    done += reference.size
    if (complaint === undefined) {
      found.sound++
      found.bytes += reference.size
    } else if ((await references.referred([reference.sha256])).length > 0) found.wrong.push(complaint)
  }
  for await (const names of store.names()) found.orphans += names.filter((name) => !wanted.has(name)).length
  progress.clear()
  return found
}
