const number = '(?:0|[1-9]\\d{0,17})'
const identifier = `(?:${number}|\\d*[A-Za-z-][0-9A-Za-z-]*)`
const metadata = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*'

/** A version as Semantic Versioning 2.0.0 writes it. Its numbers have at most 18 digits: such are compared exactly. */
export const versionPattern = `^${number}\\.${number}\\.${number}(?:-${identifier}(?:\\.${identifier})*)?(?:\\+${metadata})?$`

export const versionMaxLength = 128

const pattern = new RegExp(versionPattern)

/** Whether a text is a version. */
export const isVersion = (text: string) => text.length <= versionMaxLength && pattern.test(text)

/** Whether a version is newer than another by precedence (Semantic Versioning 2.0.0 section 11): build metadata does not count. */
export const isNewer = (version: string, other: string) => Bun.semver.order(version, other) > 0

const length = (digits: string) => digits.length.toString(36)
const ranked = (digits: string) => length(digits) + digits

/**
 * A text that sorts, whatever the collation, as its version does by precedence; versions that differ in nothing but build
 * metadata have the same. A database finds the newest of many by it, with one seek.
 */
export function rankOf(version: string) {
  const [plain = ''] = version.split('+', 1)
  const dash = plain.indexOf('-')
  const core = (dash < 0 ? plain : plain.slice(0, dash)).split('.').map(ranked).join('')
  // A number goes before any other identifier, what is shorter before what it begins, and all before the release itself.
  const rest =
    dash < 0
      ? '~'
      : plain
          .slice(dash + 1)
          .split('.')
          .map(rankedIdentifier)
          .join('!')
  return Buffer.from(core + rest).toString('hex')
}

const rankedIdentifier = (text: string) => (/^\d+$/.test(text) ? `0${ranked(text)}` : `1${text}`)
