import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import busboy from 'busboy'
import type { StagedBlob } from '../blobs/disk.ts'
import type { Hub } from '../hub.ts'
import { HubError, invalid, tooLarge } from '../lib/errors.ts'
import { queryOf } from './fields.ts'

const longest = 60 * 60_000
const aroundFile = 64 * 1024
const formLimits = { files: 1, fields: 20, parts: 30, fieldSize: 4096, fieldNameSize: 100, headerPairs: 20 }

type Expected = { blobs: Hub['blobs']; field: string; limit: number }

/** An upload as received: its other fields (also from the query string), and the file, which the caller keeps or discards. */
export type Upload = { fields: Record<string, unknown>; file: StagedBlob | undefined }

/**
 * Streams an upload to the store: `multipart/form-data` with the file in `field`, or the bytes themselves as
 * `application/octet-stream` with the other fields in the query string. Throws `tooLarge` past `limit` bytes.
 */
export async function receiveUpload(request: Request, expected: Expected): Promise<Upload> {
  const type = request.headers.get('content-type') ?? ''
  const fields = queryOf(request)
  refuseLonger(request, expected.limit, aroundFile)
  if (type.startsWith('multipart/form-data')) {
    const form = await receiveForm(request, type, expected)
    return { file: form.file, fields: { ...fields, ...form.fields } }
  }
  if (type.startsWith('application/octet-stream') && request.body) {
    return { fields, file: await receiveBody(request, expected) }
  }
  throw invalid('Send multipart/form-data, or the bytes themselves as application/octet-stream')
}

/** Streams the body of a request, whatever its type, to the store. Throws `tooLarge` past `limit` bytes. */
export async function receiveBody(request: Request, { blobs, limit }: Pick<Expected, 'blobs' | 'limit'>) {
  refuseLonger(request, limit)
  return blobs.stage(inTime(request.body ?? new Blob().stream()), limit)
}

function refuseLonger({ headers }: Request, limit: number, more = 0) {
  if (Number(headers.get('content-length') ?? 0) > limit + more) throw tooLarge(`More than ${limit} bytes`)
}

/** A body as it comes, for an hour at most: the server lets an upload take its time. */
async function* inTime(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader()
  let late = false
  const timer = setTimeout(() => {
    late = true
    void reader.cancel()
  }, longest)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (late) throw invalid('The upload has taken too long')
      if (done) return
      yield value
    }
  } finally {
    clearTimeout(timer)
    reader.cancel().catch(() => {}) // it has broken off
  }
}

async function receiveForm(request: Request, type: string, { blobs, field, limit }: Expected): Promise<Upload> {
  const parser = parserFor(type)
  const stop = new AbortController()
  const fields: Record<string, unknown> = {}
  let file: Promise<StagedBlob> | undefined
  parser.on('field', (name, value) => {
    fields[name] = value
  })
  parser.on('file', (name, stream) => {
    stream.on('error', () => {}) // told to whoever reads it; busboy emits it once more when nobody does any longer
    if (name !== field) return void stream.resume()
    file = blobs.stage(stream, limit)
    file.catch((error: unknown) => stop.abort(error))
  })
  try {
    const source = Readable.from(request.body ?? [])
    await pipeline(source, parser, { signal: AbortSignal.any([stop.signal, AbortSignal.timeout(longest)]) })
    return { fields, file: await file }
  } catch (error) {
    const staged = await file?.catch(() => undefined)
    await staged?.discard()
    const cause: unknown = stop.signal.aborted ? stop.signal.reason : error
    if (cause instanceof HubError) throw cause
    throw invalid('The upload is not valid multipart/form-data', [cause instanceof Error ? cause.message : 'unreadable'])
  }
}

function parserFor(type: string) {
  try {
    return busboy({ headers: { 'content-type': type }, limits: formLimits })
  } catch {
    throw invalid('The upload is not valid multipart/form-data', ['the boundary is missing'])
  }
}
