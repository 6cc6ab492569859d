import { join } from 'node:path'
import type { Log } from '../lib/log.ts'
import { createDiskStore } from './disk.ts'
import { createS3Store, type S3Settings } from './s3.ts'
import type { BlobStore } from './store.ts'

/** The store of bytes as it is configured: the S3 bucket, or else the disk. */
export function openStore({ dataDir, s3 }: { dataDir: string; s3: S3Settings | undefined }, log: Log): BlobStore {
  const folder = join(dataDir, 'blobs')
  return s3 ? createS3Store({ settings: s3, incoming: join(folder, 'incoming'), log }) : createDiskStore(folder)
}
