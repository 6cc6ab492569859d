import type { Deployment } from '../../features/deployments/service.ts'
import { noneMatch, rangeStillHolds, readRange } from '../../lib/ranges.ts'

/** Reads the bytes from `start` to `end`, both included. */
type ReadPart = (blob: Deployment, start: number, end: number) => Promise<BodyInit>

/** Answers a GET for an image with validators and ranges (RFC 9110 sections 13 and 14). */
export async function imageAnswer(request: Request, deployment: Deployment, readPart: ReadPart) {
  const { sha256, md5, size } = deployment
  const etag = `"${sha256}"`
  const headers = new Headers({ etag, 'accept-ranges': 'bytes', 'x-md5': md5, 'cache-control': 'private, no-cache' })
  if (alreadyThere(request.headers, etag, md5)) return new Response(null, { status: 304, headers })

  const ranged = rangeStillHolds(request.headers.get('if-range'), etag)
  const range = readRange(ranged ? request.headers.get('range') : null, size)
  if (range.kind === 'unsatisfiable') {
    headers.set('content-range', `bytes */${size}`)
    return new Response(null, { status: 416, headers })
  }
  const { start, end } = range.kind === 'part' ? range : { start: 0, end: size - 1 }
  headers.set('content-type', 'application/octet-stream')
  headers.set('content-length', String(end - start + 1))
  headers.set('repr-digest', `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`)
  if (range.kind === 'part') headers.set('content-range', `bytes ${start}-${end}/${size}`)
  return new Response(await readPart(deployment, start, end), { status: range.kind === 'part' ? 206 : 200, headers })
}

/** What the caller has is the image: by entity tag, or by the MD5 that ESPhttpUpdate sends of the running sketch. */
function alreadyThere(headers: Headers, etag: string, md5: string) {
  return noneMatch(headers.get('if-none-match'), etag) || headers.get('x-esp8266-sketch-md5')?.toLowerCase() === md5
}
