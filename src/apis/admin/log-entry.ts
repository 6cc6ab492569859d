import { isUtf8 } from 'node:buffer'
import { deviceType } from '../../features/logs/service.ts'
import { invalid, tooLarge } from '../../lib/errors.ts'
import { memberText } from '../../lib/json.ts'

/** How many bytes an entry may have, with its type and its braces. */
export const entryBytesAtMost = 64 * 1024

/** What a `log_type` may be. */
export const typePattern = '^[a-zA-Z][a-zA-Z0-9_.:-]*$'
export const typeMaxLength = 64
export const typeRule = 'log_type must begin with a letter and have at most 64 letters, digits and _ . : -'

export const complaints = {
  tooLarge: `The entry has more than ${entryBytesAtMost} bytes`,
  notUtf8: 'The entry is not valid UTF-8',
  notJson: 'The entry is not valid JSON',
  notAnObject: 'The entry must be a JSON object',
  noType: 'log_type is required',
  reserved: `log_type ${deviceType} is for what devices say`,
  noPayload: 'payload is required'
}

const type = new RegExp(typePattern)

/**
 * Reads an entry: `{"log_type", "payload"}`. The payload is any JSON, and is stored as the text that it came as: neither
 * numbers nor spaces nor the order of members change. Throws `invalid` and `tooLarge`.
 */
export function readEntry(bytes: Buffer) {
  if (bytes.length > entryBytesAtMost) throw tooLarge(complaints.tooLarge)
  if (!isUtf8(bytes)) throw invalid(complaints.notUtf8)
  const text = bytes.toString('utf8')
  const entry = readType(parsed(text))
  const payload = memberText(text, 'payload')
  if (payload === undefined) throw invalid(complaints.noPayload)
  return { type: entry, payload }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid(complaints.notJson)
  }
}

function readType(entry: unknown) {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw invalid(complaints.notAnObject)
  const { log_type: given } = entry as { log_type?: unknown }
  if (given === undefined || given === null || given === '') throw invalid(complaints.noType)
  if (typeof given !== 'string' || given.length > typeMaxLength || !type.test(given)) throw invalid(typeRule)
  if (given.toLowerCase() === deviceType) throw invalid(complaints.reserved)
  return given
}
