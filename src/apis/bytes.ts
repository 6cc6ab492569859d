import { noneMatch, rangeStillHolds, readRange } from '../lib/ranges.ts'

/** What a request for bytes comes to: those from `start` to `end`, both included, or an answer without any. */
export type Wanted = { status: 200 | 206; start: number; end: number } | { status: 304 | 416 }

export type Described = ReturnType<typeof describeBytes>

/** The headers that say which bytes they are, to be made once for many answers; `more` are those of this kind of bytes. */
export function describeBytes({ sha256, size }: { sha256: string; size: number }, more: Record<string, string>) {
  const etag = `"${sha256}"`
  const others = {
    etag,
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    ...more
  }
  const whole = new Headers({ ...others, 'content-length': String(size) })
  return { etag, size, ofSize: `/${size}`, others, whole, part: new Headers(others) }
}

/** Reads the validators and the range of a GET (RFC 9110 sections 13 and 14). */
export function wantedOf(headers: Headers, { etag, size }: Pick<Described, 'etag' | 'size'>): Wanted {
  if (noneMatch(headers.get('if-none-match'), etag)) return { status: 304 }
  const range = readRange(rangeStillHolds(headers.get('if-range'), etag) ? headers.get('range') : null, size)
  if (range.kind === 'unsatisfiable') return { status: 416 }
  if (range.kind === 'whole') return { status: 200, start: 0, end: size - 1 }
  return { status: 206, start: range.start, end: range.end }
}

/** The answer with the bytes that are wanted, or with none. */
export const bytesAnswer = (described: Described, wanted: Wanted, body: BodyInit | null) =>
  new Response(body, { status: wanted.status, headers: filledIn(described, wanted) })

/** A Response takes a copy of its headers, so those of all parts are the same ones, filled in anew. */
function filledIn({ whole, part, others, ofSize }: Described, wanted: Wanted) {
  if (wanted.status === 200) return whole
  if (wanted.status === 206) {
    part.set('content-range', `bytes ${wanted.start}-${wanted.end}${ofSize}`)
    part.set('content-length', String(wanted.end - wanted.start + 1))
    return part
  }
  return wanted.status === 304 ? others : { ...others, 'content-range': `bytes *${ofSize}` }
}
