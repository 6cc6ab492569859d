import { readFile, rm } from 'node:fs/promises'
import { discard, fileBytes, type JournalFile, makeFile, openFile, pathsBeside, readAt, shut, writeAt } from './journal-files.ts'
import { type Entry, lineOf, linesIn, textIn } from './journal-lines.ts'

/** Beside which file the journal lies, and the id of the database in it: the texts of another's journal are none here. */
export type JournalPlace = { path: string; id: string }

/** Where in which file a text is to be read. */
type Stored = { number: number; file: JournalFile; at: number; length: number }

export type Journal = Awaited<ReturnType<typeof openJournal>>

/**
 * Texts of one line each that are stored at once, to be taken from here later: in files beside a database, each text in a
 * line behind its checksum and its number. A line that a loss of power has torn does not fit its checksum, and was not
 * acknowledged. A file of which all was taken is written anew. `takenUpTo` is the number of the last that was taken.
 */
export async function openJournal(place: JournalPlace, takenUpTo: number) {
  const stored: Stored[] = []
  const files = new Set<JournalFile>()
  let current: JournalFile | undefined
  let spare: JournalFile | undefined
  let next = takenUpTo + 1
  let appending: Promise<unknown> = Promise.resolve()
  let leaving: Promise<unknown> = Promise.resolve()

  for (const path of await pathsBeside(place.path)) await takeUp(path)
  stored.sort((a, b) => a.number - b.number)

  /** A file of an earlier run is only read, and goes when all in it is taken. */
  async function takeUp(path: string) {
    const found = linesIn(await readFile(path), place.id).filter(({ number }) => number > takenUpTo)
    if (found.length === 0) return rm(path)
    const file = openFile(path)
    files.add(file)
    for (const { number, at, length } of found) {
      stored.push({ number, file, at, length })
      file.last = Math.max(file.last, number)
      next = Math.max(next, number + 1)
    }
  }

  /** The file that so many bytes go into: they fill none but one of their own. */
  async function fileFor(bytes: number) {
    if (current && (current.end === 0 || current.end + bytes <= current.size)) return current
    const unused = spare
    spare = undefined // before anything is waited for: meanwhile there may be another
    const file = unused ?? (await makeFile(place.path))
    file.end = 0
    files.add(file)
    current = file
    return file
  }

  async function write(texts: string[]) {
    const lines = texts.map((text, i) => Buffer.from(lineOf({ number: next + i, text }, place.id)))
    const bytes = Buffer.concat(lines)
    const file = await fileFor(bytes.length)
    const first = next
    next += texts.length // also where it fails: no number is given twice
    await writeAt(file, bytes, file.end)
    for (const [i, { length }] of lines.entries()) {
      stored.push({ number: first + i, file, at: file.end, length })
      file.end += length
    }
    file.size = Math.max(file.size, file.end)
    file.last = next - 1
  }

  /** One of which all was taken serves again; more than one is not needed. */
  function release(file: JournalFile) {
    files.delete(file)
    if (spare || file.size > fileBytes) leaving = Promise.all([leaving, discard(file)])
    else spare = file
  }

  return {
    /** Resolves once the texts are on the disk, behind all that were there. */
    append(texts: string[]): Promise<void> {
      const written = appending.then(() => write(texts))
      appending = written.catch(() => {})
      return written
    },

    /** The number of the newest text; undefined where none is to be taken. */
    newest: () => stored.at(-1)?.number,

    /** The oldest texts after a number, as many as lie together in so many bytes, and one in any case. */
    oldest(after: number, bytes: number): Entry[] {
      const from = stored.findIndex(({ number }) => number > after)
      const first = stored[from]
      if (!first) return []
      const fits = ({ file, at, length }: Stored) => file === first.file && at + length - first.at <= bytes
      const to = stored.findIndex((one, i) => i > from && !fits(one))
      const some = stored.slice(from, to < 0 ? stored.length : to)
      const { at = 0, length = 0 } = some.at(-1) ?? {}
      const read = readAt(first.file, first.at, at + length - first.at)
      return some.map((one) => ({
        number: one.number,
        text: textIn(read.subarray(one.at - first.at, one.at - first.at + one.length))
      }))
    },

    /** Forgets what was taken for good: all up to this number. */
    forget(upTo: number) {
      const rest = stored.findIndex(({ number }) => number > upTo)
      stored.splice(0, rest < 0 ? stored.length : rest)
      for (const file of files) if (file !== current && file.last <= upTo) release(file)
    },

    /** Lets the files go; none is left where all was taken. */
    async close() {
      await appending
      await leaving
      const needed = new Set(stored.map(({ file }) => file))
      const all = [...files, ...(spare ? [spare] : [])]
      files.clear()
      spare = undefined
      await Promise.all(all.map((file) => (needed.has(file) ? shut(file) : discard(file))))
    }
  }
}

/** What the journal beside a database holds after a number, oldest first; it may be in use. */
export async function readJournal({ path, id }: JournalPlace, takenUpTo: number): Promise<Entry[]> {
  const entries: Entry[] = []
  for (const one of await pathsBeside(path)) {
    const bytes = await readFile(one).catch(ifGone)
    for (const { number, at, length } of linesIn(bytes, id))
      if (number > takenUpTo) entries.push({ number, text: textIn(bytes.subarray(at, at + length)) })
  }
  return entries.toSorted((a, b) => a.number - b.number)
}

/** A file of a journal that is in use goes when all in it has been taken. */
function ifGone(error: NodeJS.ErrnoException) {
  if (error.code !== 'ENOENT') throw error
  return Buffer.alloc(0)
}
