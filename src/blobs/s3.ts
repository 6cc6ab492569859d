import { rm } from 'node:fs/promises'
import { S3Client, type S3Stats } from 'bun'
import { failing } from '../lib/failures.ts'
import type { Log } from '../lib/log.ts'
import { createIncoming } from './incoming.ts'
import { createMarks } from './s3-marks.ts'
import { createRequests, isMissing } from './s3-requests.ts'
import type { BlobStore } from './store.ts'

/** Where a bucket is, and the key with which it is asked. Without an endpoint it is Amazon's. */
export type S3Settings = {
  endpoint: string | undefined
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  region: string | undefined
}

/** How long is waited for S3, and for another hub's sweep; in ms. */
const defaultPatience = { answer: 10_000, silence: 60_000, bytesPerSecond: 512 * 1024, sweep: 120_000 }

type Needs = { settings: S3Settings; incoming: string; log: Log; patience?: Partial<typeof defaultPatience> }

const folder = 'blobs/'
const sign = 'updraft'
const triesAtMost = 3

/**
 * Bytes as objects of an S3 bucket, which several hubs may share. They are received in the folder `incoming` first; kept
 * means that S3 has them all.
 */
export function createS3Store({
  settings: { endpoint, region, ...account },
  incoming: path,
  log,
  patience: wanted
}: Needs): BlobStore {
  const patience = { ...defaultPatience, ...wanted }
  const client = new S3Client({ ...account, ...(endpoint ? { endpoint } : {}), ...(region ? { region } : {}) })
  const requests = createRequests({ client, bucket: account.bucket, log, patience })
  const marks = createMarks(requests, patience.sweep)
  const incoming = createIncoming(path)
  const keyOf = (sha256: string) => `${folder}${sha256}`

  /** Writes though the bytes be there: stored again they count as new for the sweep, which may have been about to remove them. */
  async function upload({ path: file, sha256, size }: { path: string; sha256: string; size: number }) {
    for (let tries = 0; tries < triesAtMost; tries++) {
      await requests.write(keyOf(sha256), { path: file, size })
      await marks.gone(sha256)
      const stored = await requests.stat(keyOf(sha256))
      if (stored?.size === size) return rm(file, { force: true })
      log.warn({ sha256, size, stored: stored?.size }, 'S3 does not have what was written')
    }
    throw failing('The store of bytes does not keep what it is given')
  }

  const isOlder = (stored: S3Stats | undefined, before: Date) => stored !== undefined && stored.lastModified < before

  async function removeIfStillOlder(sha256: string, before: Date) {
    if (!isOlder(await requests.stat(keyOf(sha256)), before)) return false
    await requests.remove(keyOf(sha256))
    return true
  }

  return {
    async prepare() {
      await incoming.prepare()
      await requests.begin(sign)
    },

    stage: (source, limit) => incoming.receive(source, limit, upload),

    sizeOf: async (sha256) => (await requests.stat(keyOf(sha256)))?.size,

    async read(sha256, start, end) {
      if (end < start) return new Blob([]).stream()
      try {
        return await requests.read(keyOf(sha256), start, end)
      } catch (error) {
        throw isMissing(error) ? new Error(`The bytes ${sha256} are not in the store`) : error
      }
    },

    async *names() {
      for await (const keys of requests.list(folder)) yield keys.map((key) => key.slice(folder.length))
    },

    async removeIfOlder(sha256, before) {
      if (!isOlder(await requests.stat(keyOf(sha256)), before)) return false
      return marks.under(sha256, () => removeIfStillOlder(sha256, before))
    },

    /** A bucket that was away when the hub started has no sign in it yet. */
    async check() {
      if (!(await requests.stat(sign))) await requests.put(sign)
    }
  }
}
