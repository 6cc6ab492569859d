import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore as storeOf } from '../blobs/index.ts'
import type { BlobStore } from '../blobs/store.ts'
import type { Config } from '../config.ts'
import { createLog } from '../lib/log.ts'

/** Files of secrets in DATA_DIR, as the hub makes them. */
export const secretFiles = ['jwt-secret', 'hub-id'] as const

/** The hub's store of bytes. */
export const openStore = (config: Pick<Config, 'dataDir' | 's3'>): BlobStore => storeOf(config, createLog('silent'))

/** What the hub signs with. Throws a sentence where it is neither configured nor kept in the folder. */
export async function secretOf({ jwtSecret, dataDir }: Pick<Config, 'jwtSecret' | 'dataDir'>) {
  if (jwtSecret !== undefined) return jwtSecret
  const kept = await readFile(join(dataDir, 'jwt-secret'), 'utf8').catch(() => undefined)
  if (kept === undefined)
    throw new Error(`There is neither a JWT_SECRET nor a file jwt-secret in ${dataDir}: without it no log can be verified`)
  return kept.trim()
}
