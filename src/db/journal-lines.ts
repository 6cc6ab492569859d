/** A text that was stored; those stored later have higher numbers. */
export type Entry = { number: number; text: string }

const newline = 10
const checksumLength = 8

const checksum = (id: string, body: string | Uint8Array) =>
  Bun.hash.crc32(body, Bun.hash.crc32(id)).toString(16).padStart(checksumLength, '0')

/** A line of a journal: checksum, number, text. The checksum is begun with the id of the database. */
export function lineOf({ number, text }: Entry, id: string) {
  const body = `${number} ${text}`
  return `${checksum(id, body)} ${body}\n`
}

/** The whole lines of a journal in some bytes: their numbers, and where they are. What was torn, or is of another database, is passed over. */
export const linesIn = (bytes: Buffer, id: string) => [...eachLine(bytes, id)]

function* eachLine(bytes: Buffer, id: string) {
  for (let at = 0; ; ) {
    const end = bytes.indexOf(newline, at)
    if (end < 0) return
    const body = bytes.subarray(at + checksumLength + 1, end)
    const space = body.indexOf(' ')
    if (space > 0 && bytes.toString('latin1', at, at + checksumLength) === checksum(id, body))
      yield { number: Number(body.toString('latin1', 0, space)), at, length: end + 1 - at }
    at = end + 1
  }
}

/** The text in a line. */
export function textIn(line: Buffer) {
  const from = line.indexOf(' ', checksumLength + 1) + 1
  return line.toString('utf8', from, line.length - 1)
}
