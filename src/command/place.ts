import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BlobStore, createDiskStore } from '../blobs/disk.ts'
import type { Config } from '../config.ts'

/** Files of secrets in DATA_DIR, as the hub makes them. */
export const secretFiles = ['jwt-secret', 'hub-id'] as const

export type Store = BlobStore & {
  /** How many bytes there are of this digest; undefined where there are none. */
  sizeOf(sha256: string): Promise<number | undefined>
  /** The bytes from `start` to `end`, both included. */
  read(sha256: string, start: number, end: number): ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>
}

/** The hub's store of bytes. */
export function openStore({ dataDir }: Pick<Config, 'dataDir'>): Store {
  const store = createDiskStore(join(dataDir, 'blobs'))
  return {
    ...store,
    sizeOf: async (sha256: string) => ((await store.file(sha256).exists()) ? store.file(sha256).size : undefined),
    read: (sha256: string, start: number, end: number) =>
      store
        .file(sha256)
        .slice(start, end + 1)
        .stream()
  }
}

/** What the hub signs with. Throws a sentence where it is neither configured nor kept in the folder. */
export async function secretOf({ jwtSecret, dataDir }: Pick<Config, 'jwtSecret' | 'dataDir'>) {
  if (jwtSecret !== undefined) return jwtSecret
  const kept = await readFile(join(dataDir, 'jwt-secret'), 'utf8').catch(() => undefined)
  if (kept === undefined)
    throw new Error(`There is neither a JWT_SECRET nor a file jwt-secret in ${dataDir}: without it no log can be verified`)
  return kept.trim()
}
