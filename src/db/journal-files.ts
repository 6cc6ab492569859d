import { close, constants, fstatSync, openSync, readSync, write } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const [closing, writing] = [promisify(close), promisify(write)]

/** A file of a journal. `end`: how far it is written; `last`: the number of the last text in it. */
export type JournalFile = { path: string; fd: number; size: number; end: number; last: number }

/** How large one is made, full of zeros: to bring what overwrites them onto the disk takes two thirds of the time that a growing file does. */
export const fileBytes = 1024 * 1024

const suffix = '-reports.'

/** The files of the journal beside a database, in the order in which they were made. */
export async function pathsBeside(path: string) {
  const start = basename(path) + suffix
  const names = await readdir(dirname(path)).catch(() => [])
  const ours = names.filter((name) => name.startsWith(start) && /^\d+$/.test(name.slice(start.length)))
  return ours.toSorted((a, b) => numberIn(a) - numberIn(b)).map((name) => join(dirname(path), name))
}

const numberIn = (name: string) => Number(name.slice(name.lastIndexOf('.') + 1))

/** Opens a file that is there. */
export function openFile(path: string): JournalFile {
  const fd = openSync(path, constants.O_RDWR | constants.O_DSYNC)
  return { path, fd, size: fstatSync(fd).size, end: 0, last: 0 }
}

/** Makes one more file for the journal beside a database. */
export async function makeFile(beside: string) {
  const path = `${beside}${suffix}${numberIn((await pathsBeside(beside)).at(-1) ?? '0') + 1}`
  try {
    await using made = await open(path, 'wx', 0o600)
    await made.writeFile(Buffer.alloc(fileBytes))
    await made.sync()
    await using folder = await open(dirname(path), 'r')
    await folder.sync()
    return openFile(path)
  } catch (error) {
    await rm(path, { force: true }) // on a full disk what there is of it would be in the way
    throw error
  }
}

/** Lets a file go. */
export const shut = ({ fd }: JournalFile): Promise<void> => closing(fd)

/** Removes a file of which all was taken; where it cannot be, what is left of it says nothing. */
export async function discard(file: JournalFile) {
  await shut(file)
  await rm(file.path, { force: true }).catch(() => {})
}

/** Writes all bytes to a place in a file; resolves once they are on the disk. */
export async function writeAt({ fd }: JournalFile, bytes: Buffer, at: number) {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await writing(fd, bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}

/** So many bytes from a place in a file: what was just written is in memory. */
export function readAt({ fd }: JournalFile, at: number, length: number) {
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; done < length; ) {
    const read = readSync(fd, bytes, done, length - done, at + done)
    if (read === 0) throw new Error('A file of the journal has become shorter')
    done += read
  }
  return bytes
}
