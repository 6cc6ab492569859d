import type { S3Client, S3Stats } from 'bun'
import { HubError } from '../lib/errors.ts'
import { failing } from '../lib/failures.ts'
import type { Log } from '../lib/log.ts'
import { inTime, patiently } from '../lib/patience.ts'
import { streamOf } from '../lib/streams.ts'

/** How long S3 may take, in ms: to answer what is small, and to give more, or take the last, of what is large; and how slowly it may take that. */
export type Patience = { answer: number; silence: number; bytesPerSecond: number }

type Needs = { client: S3Client; bucket: string; log: Log; patience: Patience }

export type Requests = ReturnType<typeof createRequests>

/** What no waiting mends: somebody has to look at the configuration. */
const mistakes: Record<string, string> = {
  NoSuchBucket: 'there is no such bucket',
  InvalidBucketName: 'that is no name of a bucket',
  AccessDenied: 'its key may not write there',
  InvalidAccessKeyId: 'S3_ACCESS_KEY_ID is not known there',
  SignatureDoesNotMatch: 'S3_SECRET_ACCESS_KEY is wrong, or S3_REGION is',
  AuthorizationHeaderMalformed: 'S3_REGION is wrong',
  PermanentRedirect: 'S3_ENDPOINT or S3_REGION is wrong',
  RequestTimeTooSkewed: 'the clock of this machine is wrong'
}

// More goes from S3 to the caller in the runtime's own hands: chunks that pass through ours stand in memory.
const guardedAtMost = 8 * 1024 * 1024
const queueSize = 1 // parts of 5 MiB under way at a time
const collectsEvery = 100 // ms: parts that have been sent are garbage, and left to itself the collector lets them stand

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'Unknown')
const broken = (code: string) => Object.assign(new Error(`S3: ${code}`), { code })
const silent = () => broken('Silent')

const unusable = (bucket: string, why: string) => new Error(`the S3 bucket ${bucket} cannot be used: ${why}`)

/** Whether S3 says that there is no such object. */
export const isMissing = (error: unknown) => codeOf(error) === 'NoSuchKey'

/** The few requests that the hub makes of S3, each bounded in time; they throw `unavailable`, or that the object is missing. */
export function createRequests({ client, bucket, log, patience }: Needs) {
  /** Only the code is logged: S3's own words may name the key. */
  function failed(request: string, error: unknown) {
    if (error instanceof HubError || isMissing(error)) return error
    log.warn({ request, code: codeOf(error) }, 'S3 has failed')
    return failing('The store of bytes does not answer')
  }

  async function ask<T>(request: string, asked: Promise<T>): Promise<T> {
    try {
      return await inTime(asked, patience.answer, silent)
    } catch (error) {
      throw failed(request, error)
    }
  }

  const stat = (key: string) => ask('stat', client.stat(key))
  const put = (key: string) => client.write(key, new Response('of an Updraft hub\n'))

  /** What was announced, or an error: S3 may end early. */
  async function* exactly(size: number, first: IteratorResult<Uint8Array>, rest: AsyncGenerator<Uint8Array>) {
    let came = 0
    try {
      for (let { done, value } = first; !done && value; { done, value } = await rest.next()) {
        came += value.byteLength
        yield value
      }
      if (came !== size) throw broken('OtherSize')
    } catch (error) {
      throw failed('read', error)
    } finally {
      await rest.return(undefined)
    }
  }

  return {
    /** Writes the object that shows that the hub may write here. Throws where it never may, and warns where S3 is away at present. */
    async begin(key: string) {
      try {
        await inTime(put(key), patience.answer, silent)
      } catch (error) {
        const mistake = mistakes[codeOf(error)]
        if (mistake) throw unusable(bucket, `${mistake} (${codeOf(error)})`)
        log.warn({ code: codeOf(error), bucket }, 'S3 does not answer: no bytes go up or down until it does')
      }
    },

    /** Writes a small object, of which only that it is there says something. */
    put: async (key: string) => void (await ask('put', put(key))),

    /** Writes a file as an object; throws where S3 does not have all of it. A Response of a stream is written whole or not at all, which is not so of a writer of Bun's. */
    async write(key: string, { path, size }: { path: string; size: number }) {
      if (size > guardedAtMost) Bun.gc(true) // or what has been received stands beside what is sent
      const body = new Response(Bun.file(path).stream()) // in the runtime's own hands, as what is read
      const most = patience.silence + (size / patience.bytesPerSecond) * 1000
      const collecting = size > guardedAtMost ? setInterval(() => Bun.gc(false), collectsEvery) : undefined
      try {
        await inTime(client.write(key, body, { queueSize }), most, silent)
      } catch (error) {
        throw failed('write', error)
      } finally {
        clearInterval(collecting)
      }
    },

    stat: (key: string): Promise<S3Stats | undefined> =>
      stat(key).catch((error: unknown) => {
        if (isMissing(error)) return undefined
        throw error
      }),

    /** The bytes of an object from `start` to `end`, both included; the stream breaks where they do not all come. */
    async read(key: string, start: number, end: number): Promise<ReadableStream<Uint8Array>> {
      const size = end - start + 1
      const part = client.file(key).slice(start, end + 1)
      if (size > guardedAtMost) {
        if ((await stat(key)).size <= end) throw failed('read', broken('OtherSize'))
        return part.stream()
      }
      const chunks = patiently(part.stream(), patience.silence, silent)
      return streamOf(exactly(size, await ask('read', chunks.next()), chunks))
    },

    remove: (key: string) => ask('remove', client.delete(key)),

    /** The keys that begin with a prefix, a thousand at a time. */
    async *list(prefix: string) {
      let continuationToken: string | undefined
      do {
        const page = await ask('list', client.list({ prefix, ...(continuationToken ? { continuationToken } : {}) }))
        yield (page.contents ?? []).map(({ key }) => key)
        continuationToken = page.isTruncated ? page.nextContinuationToken : undefined
      } while (continuationToken)
    }
  }
}
