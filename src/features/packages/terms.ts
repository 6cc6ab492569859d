const wordsAtMost = 8

/** What a package may be called. */
export const packageNamePattern = '^[a-z][a-z0-9_-]*$'
export const packageNameMaxLength = 64

const wordsOf = (text: string) =>
  text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')

/** What a package is found by: every beginning of every word of its name. */
export function termsOf(name: string) {
  const beginnings = wordsOf(name).flatMap((word) => Array.from(word, (_, i) => word.slice(0, i + 1)))
  return [...new Set(beginnings)]
}

/** What a search asks for: beginnings of words, the longest first, as that is likely to find the fewest. */
export const wantedTerms = (search: string) =>
  [...new Set(wordsOf(search))].toSorted((one, other) => other.length - one.length).slice(0, wordsAtMost)
