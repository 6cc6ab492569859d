import type { Deployment } from '../../features/deployments/service.ts'
import { noneMatch, rangeStillHolds, readRange } from '../../lib/ranges.ts'

const knownAtMost = 1000

type Image = Pick<Deployment, 'sha256' | 'md5' | 'size'>

/** What a request for an image comes to: its bytes from `start` to `end`, both included, or an answer without any. */
export type Wanted = { status: 200 | 206; start: number; end: number } | { status: 304 | 416 }

/** Reads the validators and the range of a GET (RFC 9110 sections 13 and 14). */
export function wantedOf(headers: Headers, image: Image): Wanted {
  const { etag } = headersOf(image)
  if (alreadyThere(headers, etag, image.md5)) return { status: 304 }
  const range = readRange(rangeStillHolds(headers.get('if-range'), etag) ? headers.get('range') : null, image.size)
  if (range.kind === 'unsatisfiable') return { status: 416 }
  if (range.kind === 'whole') return { status: 200, start: 0, end: image.size - 1 }
  return { status: 206, start: range.start, end: range.end }
}

/** The answer with the bytes that are wanted, or with none. */
export function imageAnswer(image: Image, wanted: Wanted, body: BodyInit | null) {
  return new Response(body, { status: wanted.status, headers: filledIn(image, wanted) })
}

/** A Response takes a copy of its headers, so those of all parts are the same ones, filled in anew. */
function filledIn(image: Image, wanted: Wanted) {
  const { whole, part, others, ofSize } = headersOf(image)
  if (wanted.status === 200) return whole
  if (wanted.status === 206) {
    part.set('content-range', `bytes ${wanted.start}-${wanted.end}${ofSize}`)
    part.set('content-length', String(wanted.end - wanted.start + 1))
    return part
  }
  return wanted.status === 304 ? others : { ...others, 'content-range': `bytes *${ofSize}` }
}

const known = new Map<string, ReturnType<typeof describe>>()

/** The headers that say which image it is, made once for each of the images that are asked for at present. */
function headersOf(image: Image) {
  const there = known.get(image.sha256)
  if (there) return there
  if (known.size === knownAtMost) known.clear()
  const made = describe(image)
  known.set(image.sha256, made)
  return made
}

function describe({ sha256, md5, size }: Image) {
  const etag = `"${sha256}"`
  const others = {
    etag,
    'accept-ranges': 'bytes',
    'x-md5': md5,
    'cache-control': 'private, no-cache',
    'content-type': 'application/octet-stream',
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
  }
  const whole = new Headers({ ...others, 'content-length': String(size) })
  return { etag, ofSize: `/${size}`, others, whole, part: new Headers(others) }
}

/** What the caller has is the image: by entity tag, or by the MD5 that ESPhttpUpdate sends of the running sketch. */
function alreadyThere(headers: Headers, etag: string, md5: string) {
  return noneMatch(headers.get('if-none-match'), etag) || headers.get('x-esp8266-sketch-md5')?.toLowerCase() === md5
}
