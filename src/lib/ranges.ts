/** What part of a representation a Range header asks for (RFC 9110 section 14): bytes from `start` to `end`, both included. */
export type RangeRequest = { kind: 'whole' } | { kind: 'part'; start: number; end: number } | { kind: 'unsatisfiable' }

const whole: RangeRequest = { kind: 'whole' }

/**
 * Reads a Range header against a representation of `size` bytes. A header in another unit, with several ranges or not
 * well formed is ignored, as RFC 9110 section 14.2 allows; an end past the last byte is clamped to it.
 */
export function readRange(header: string | null, size: number): RangeRequest {
  const [, first, last] = header?.match(/^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i) ?? []
  if (first === undefined || last === undefined || first + last === '') return whole
  if (first === '') return lastBytes(Number(last), size)
  const start = Number(first)
  const end = last === '' ? size - 1 : Number(last)
  if (last !== '' && end < start) return whole
  if (start >= size) return { kind: 'unsatisfiable' }
  return { kind: 'part', start, end: Math.min(end, size - 1) }
}

function lastBytes(count: number, size: number): RangeRequest {
  if (count === 0 || size === 0) return { kind: 'unsatisfiable' }
  return { kind: 'part', start: Math.max(0, size - count), end: size - 1 }
}

/** Whether an If-None-Match header names this entity tag (weak comparison, RFC 9110 section 13.1.2). */
export const noneMatch = (header: string | null, etag: string) =>
  header !== null && (header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag))

/** Whether an If-Range header lets a Range header count: only with a strong match of the entity tag (section 13.1.5). */
export const rangeStillHolds = (header: string | null, etag: string) => header === null || header.trim() === etag
