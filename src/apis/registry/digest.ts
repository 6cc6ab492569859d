import { invalid } from '../../lib/errors.ts'

const byHeader: Record<string, RegExp> = {
  // RFC 9530: a dictionary of byte sequences. RFC 3230: a list of names and values.
  'repr-digest': /(?:^|,)\s*sha-256=:([^:,]*):/i,
  'content-digest': /(?:^|,)\s*sha-256=:([^:,]*):/i,
  digest: /(?:^|,)\s*sha-256=([^,]*)/i
}

/** The SHA-256 digests, in hex, that a request says its body has; those by other algorithms are not looked at. Throws `invalid` for what is none. */
export function digestsOf(headers: Headers) {
  return Object.entries(byHeader).flatMap(([name, pattern]) => {
    const [, value] = headers.get(name)?.match(pattern) ?? []
    return value === undefined ? [] : [readDigest(name, value.trim())]
  })
}

function readDigest(name: string, base64: string) {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(base64)) throw invalid(`${name} is no SHA-256 in base64`)
  return Buffer.from(base64, 'base64').toString('hex')
}
