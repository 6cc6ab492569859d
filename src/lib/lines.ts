const newline = 10
const none = Buffer.alloc(0)

/** A line of a stream by its number, from 1; without its bytes where it has too many, as those were not kept. */
export type Line = { number: number; bytes: Buffer | undefined }

/** The lines of a stream, as many at a time as have come; of a line with more than `atMost` bytes only the number. */
export async function* linesOfStream(source: AsyncIterable<Uint8Array>, atMost: number): AsyncGenerator<Line[]> {
  let number = 0
  let held = none
  let tooLong = false

  function hold(part: Buffer) {
    tooLong ||= held.length + part.length > atMost
    held = tooLong ? none : Buffer.concat([held, part])
  }

  function end(part: Buffer): Line {
    const fits = !tooLong && held.length + part.length <= atMost
    const bytes = fits && held.length > 0 ? Buffer.concat([held, part]) : part
    held = none
    tooLong = false
    number += 1
    return { number, bytes: fits ? bytes : undefined }
  }

  for await (const bytes of source) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const lines: Line[] = []
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      lines.push(end(chunk.subarray(from, at)))
      from = at + 1
    }
    if (from < chunk.length) hold(chunk.subarray(from))
    if (lines.length > 0) yield lines
  }
  if (held.length > 0 || tooLong) yield [end(none)]
}
