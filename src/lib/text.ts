/** Text as it may be stored anywhere: PostgreSQL refuses NUL, and a lone surrogate is no text. */
export const storable = (text: string) => text.toWellFormed().replaceAll('\0', '\ufffd')

/** Splits what a device sent into its lines, without their ends and without empty ones. */
export function linesOf(text: string) {
  const stored = storable(text)
  if (stored !== '' && !/[\r\n]/.test(stored)) return [stored] // most often it is one
  return stored.split(/\r\n|\n|\r/).filter((line) => line !== '')
}

/** A number of bytes as people write it: `32MiB`, `512k`, `1GiB`, `4096`; undefined where it is none. */
export function parseBytes(text: string) {
  const [, digits, unit = ''] = text.trim().match(/^(\d{1,12}) ?([kmgt]?)(?:i?b)?$/i) ?? []
  if (digits === undefined) return undefined
  return Number(digits) * 1024 ** ' kmgt'.indexOf(unit.toLowerCase() || ' ')
}

const milliseconds: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A length of time as people write it, in milliseconds: `90s`, `3m`, `24h`, `30d`; undefined where it is none. */
export function parseDuration(text: string) {
  const [, digits, unit = ''] = text.trim().match(/^(\d{1,9}) ?(ms|s|m|h|d)$/) ?? []
  return digits === undefined ? undefined : Number(digits) * (milliseconds[unit] ?? 1)
}

/** What can be made of any text as a name: a letter, then at most so many letters, digits, `-` and `_` in all; '' where there is none in it. */
export function plainName(text: string, longest: number) {
  const plain = text.normalize('NFKD').replaceAll(/\p{M}/gu, '')
  const joined = plain.replaceAll(/[^a-zA-Z0-9_-]+/g, '-').replace(/^[^a-zA-Z]+/, '')
  return joined.slice(0, longest).replace(/[-_]+$/, '')
}
