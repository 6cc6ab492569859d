import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import busboy from 'busboy'
import type { StagedBlob } from '../blobs/store.ts'
import type { Hub } from '../hub.ts'
import { HubError, invalid, tooLarge } from '../lib/errors.ts'

const longest = 60 * 60_000
const limits = { files: 50, fields: 100, parts: 150, fieldSize: 64 * 1024, fieldNameSize: 100, headerPairs: 20 }
const unreadable = 'The upload is not valid multipart/form-data'

type Expected = { blobs: Hub['blobs']; field: string; limit: number }

/** A file of a form, received but not stored yet. */
export type FormFile = { name: string; mimeType: string; bytes: StagedBlob }

/** A form as received: every value of each field, and its files, which the caller keeps or discards. */
export type Form = { values: Map<string, string[]>; files: FormFile[] }

export const isForm = ({ headers }: Request) => headers.get('content-type')?.startsWith('multipart/form-data') === true

/** Streams the files in `field` of a form to the store. Throws `tooLarge` where they have more than `limit` bytes together. */
export async function receiveFiles(request: Request, { blobs, field, limit }: Expected): Promise<Form> {
  if (Number(request.headers.get('content-length') ?? 0) > limit + 64 * 1024) throw tooLarge(`More than ${limit} bytes`)
  const parser = parserFor(request.headers.get('content-type') ?? '')
  const stop = new AbortController()
  const values = new Map<string, string[]>()
  const staged: Promise<FormFile>[] = []
  let room = limit

  parser.on('field', (name, value) => void values.set(name, [...(values.get(name) ?? []), value]))
  parser.on('filesLimit', () => stop.abort(invalid(`At most ${limits.files} files at a time`)))
  parser.on('file', (name, stream, { filename, mimeType }) => {
    stream.on('error', () => {}) // told to whoever reads it; busboy emits it once more when nobody does any longer
    if (name !== field) return void stream.resume()
    const file = blobs.stage(counted(stream), limit).then((bytes) => ({ name: filename ?? '', mimeType, bytes }))
    file.catch((error: unknown) => stop.abort(error))
    staged.push(file)
  })

  async function* counted(stream: AsyncIterable<Uint8Array>) {
    for await (const chunk of stream) {
      room -= chunk.byteLength
      if (room < 0) throw tooLarge(`More than ${limit} bytes`)
      yield chunk
    }
  }

  try {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(longest)])
    await pipeline(Readable.from(request.body ?? []), parser, { signal })
    return { values, files: await Promise.all(staged) }
  } catch (error) {
    const done = await Promise.allSettled(staged)
    for (const each of done) if (each.status === 'fulfilled') await each.value.bytes.discard()
    const cause: unknown = stop.signal.aborted ? stop.signal.reason : error
    throw cause instanceof HubError ? cause : invalid(unreadable)
  }
}

function parserFor(type: string) {
  try {
    // Names come in UTF-8 from browsers, and whole: the service makes them safe.
    return busboy({ headers: { 'content-type': type }, limits, defParamCharset: 'utf8', preservePath: true })
  } catch {
    throw invalid(unreadable)
  }
}
