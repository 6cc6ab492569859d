import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import busboy from 'busboy'
import type { StagedBlob } from '../blobs/store.ts'
import type { Hub } from '../hub.ts'
import { HubError, invalid, tooLarge } from '../lib/errors.ts'
import { patiently } from '../lib/patience.ts'
import { queryOf, storableFields } from './fields.ts'

const silenceAtMost = 60_000
const hour = 60 * 60_000
const bytesAnHour = 256 * 1024 * 1024
const aroundFile = 64 * 1024
const collectedEvery = 8 * 1024 * 1024
const formLimits = { files: 1, fields: 20, parts: 30, fieldSize: 16 * 1024, fieldNameSize: 100, headerPairs: 20 }

type Expected = { blobs: Hub['blobs']; field: string; limit: number }

/** An upload as received: its other fields (also from the query string), and the file, which the caller keeps or discards. */
export type Upload = { fields: Record<string, unknown>; file: StagedBlob | undefined }

/**
 * Streams an upload to the store: `multipart/form-data` with the file in `field`, or the bytes themselves as
 * `application/octet-stream` with the other fields in the query string. Throws `tooLarge` past `limit` bytes.
 */
export async function receiveUpload(request: Request, expected: Expected): Promise<Upload> {
  const type = request.headers.get('content-type') ?? ''
  const fields = storableFields(queryOf(request))
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
  return blobs.stage(arriving(request.body ?? new Blob().stream(), limit), limit)
}

function refuseLonger({ headers }: Request, limit: number, more = 0) {
  if (Number(headers.get('content-length') ?? 0) > limit + more) throw tooLarge(`More than ${limit} bytes`)
}

/** What comes of a body, slow as it may be. Throws `invalid` where nothing comes for a minute, or it takes hours for what may be sent in one. */
async function* arriving(body: ReadableStream<Uint8Array>, limit: number) {
  const stopped = () => invalid('The upload has stopped')
  const end = Date.now() + hour * Math.ceil(limit / bytesAnHour)
  let passed = 0
  for await (const chunk of patiently(body, silenceAtMost, stopped)) {
    if (Date.now() > end) throw stopped()
    yield chunk
    passed += chunk.byteLength
    if (passed < collectedEvery) continue
    passed = 0
    Bun.gc(false) // chunks live outside the collector's heap: left to itself it lets a hundred megabytes of them stand
  }
}

async function receiveForm(request: Request, type: string, { blobs, field, limit }: Expected): Promise<Upload> {
  const parser = parserFor(type)
  const stop = new AbortController()
  const fields: Record<string, unknown> = {}
  let file: Promise<StagedBlob> | undefined
  parser.on('field', (name, value, { valueTruncated }) => {
    if (valueTruncated) stop.abort(tooLarge(`${name} is too long`))
    fields[name] = value
  })
  parser.on('file', (name, stream) => {
    stream.on('error', () => {}) // told to whoever reads it; busboy emits it once more when nobody does any longer
    if (name !== field) return void stream.resume()
    file = blobs.stage(stream, limit)
    file.catch((error: unknown) => stop.abort(error))
  })
  try {
    const source = Readable.from(request.body ? arriving(request.body, limit) : [])
    await pipeline(source, parser, { signal: stop.signal })
    return { fields: storableFields(fields), file: await file }
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
