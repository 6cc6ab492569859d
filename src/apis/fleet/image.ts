import type { Deployment } from '../../features/deployments/service.ts'
import { noneMatch, rangeStillHolds, readRange } from '../../lib/ranges.ts'

/** Reads the bytes from `start` to `end`, both included. */
type ReadPart = (blob: Deployment, start: number, end: number) => Promise<BodyInit>

/** Answers a GET for an image with validators and ranges (RFC 9110 sections 13 and 14). */
export async function imageAnswer({ headers }: Request, deployment: Deployment, readPart: ReadPart) {
  const { md5, size } = deployment
  const validators = validatorsOf(deployment)
  if (alreadyThere(headers, validators.etag, md5)) return new Response(null, { status: 304, headers: validators })

  const wanted = rangeStillHolds(headers.get('if-range'), validators.etag) ? headers.get('range') : null
  const range = readRange(wanted, size)
  if (range.kind === 'unsatisfiable') {
    return new Response(null, { status: 416, headers: { ...validators, 'content-range': `bytes */${size}` } })
  }
  if (range.kind === 'whole') return new Response(await readPart(deployment, 0, size - 1), { headers: sized(validators, size) })
  const { start, end } = range
  const partial = { ...sized(validators, end - start + 1), 'content-range': `bytes ${start}-${end}/${size}` }
  return new Response(await readPart(deployment, start, end), { status: 206, headers: partial })
}

const known = new WeakMap<Deployment, ReturnType<typeof describe>>()

/** The headers that say which image it is, made once for a deployment as long as it is in memory. */
function validatorsOf(deployment: Deployment) {
  const made = known.get(deployment) ?? describe(deployment)
  known.set(deployment, made)
  return made
}

const describe = ({ sha256, md5 }: Deployment) => ({
  etag: `"${sha256}"`,
  'accept-ranges': 'bytes',
  'x-md5': md5,
  'cache-control': 'private, no-cache',
  'content-type': 'application/octet-stream',
  'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
})

const sized = (validators: ReturnType<typeof describe>, length: number) => ({ ...validators, 'content-length': String(length) })

/** What the caller has is the image: by entity tag, or by the MD5 that ESPhttpUpdate sends of the running sketch. */
function alreadyThere(headers: Headers, etag: string, md5: string) {
  return noneMatch(headers.get('if-none-match'), etag) || headers.get('x-esp8266-sketch-md5')?.toLowerCase() === md5
}
