/** A number with commas between its thousands. */
export const grouped = (number: number) => number.toLocaleString('en-GB')

/** So many of a thing: `1 entry`, `2,000 entries`. */
export const counted = (number: number, one: string, many = `${one}s`) => `${grouped(number)} ${number === 1 ? one : many}`

/** A number of bytes in MiB, or in GiB from one on. */
export const sized = (bytes: number) =>
  bytes >= 1024 ** 3 ? `${(bytes / 1024 ** 3).toFixed(2)} GiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`

/** A length of time in ms as seconds. */
export const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`
