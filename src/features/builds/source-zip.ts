import type { Pack } from 'tar-stream'
import { type Entry, fromBufferPromise, type Options, openPromise, type ZipFile } from 'yauzl'
import { packed, putFile, putFolder } from '../containers/archives.ts'
import { RunFailure } from '../containers/failures.ts'

const MiB = 1024 * 1024
const atMost = { entries: 10_000, bytes: 256 * MiB, ratio: 100, nameBytes: 512 }
const smallEnough = MiB // whatever its ratio
const options: Options = { lazyEntries: true, autoClose: false }

const kinds = { mask: 0o170000, none: 0, file: 0o100000, folder: 0o040000 }
const executable = 0o111

/** What is wrong with the zip archive at a path as the source of a build; undefined where it may be unpacked. */
export async function complaintAbout(path: string, size: number) {
  let zip: ZipFile | undefined
  try {
    zip = await openPromise(path, options)
    return await complaintAboutEntries(zip, size)
  } catch (error) {
    return `is not a zip archive that can be unpacked: ${error instanceof Error ? error.message : 'unreadable'}`
  } finally {
    zip?.close()
  }
}

async function complaintAboutEntries(zip: ZipFile, size: number) {
  if (zip.entryCount > atMost.entries) return `has more than ${atMost.entries} entries`
  const names = new Set<string>()
  let bytes = 0
  for await (const entry of zip.eachEntry()) {
    const wrong = complaintAboutEntry(entry)
    if (wrong) return `${wrong}: ${JSON.stringify(entry.fileName.slice(0, 100))}`
    const name = entry.fileName.replace(/\/$/, '')
    if (names.has(name)) return `has two entries of one name: ${JSON.stringify(name.slice(0, 100))}`
    names.add(name)
    bytes += entry.uncompressedSize
    if (bytes > atMost.bytes) return `unpacks to more than ${atMost.bytes} bytes`
  }
  if (bytes > smallEnough && bytes > size * atMost.ratio) return `unpacks to more than ${atMost.ratio} times its size`
  if (names.size === 0) return 'is empty'
  return undefined
}

/** The library itself refuses names that are absolute or lead out of the folder. */
function complaintAboutEntry({ fileName, externalFileAttributes, ...entry }: Entry) {
  const kind = (externalFileAttributes >>> 16) & kinds.mask
  if (/\p{Cc}/u.test(fileName)) return 'has an entry with control characters in its name'
  if (Buffer.byteLength(fileName) > atMost.nameBytes) return 'has an entry with too long a name'
  if (![kinds.none, kinds.file, kinds.folder].includes(kind)) return 'has an entry that is neither a file nor a folder'
  if ((entry.generalPurposeBitFlag & 1) !== 0) return 'has an encrypted entry'
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) return 'has an entry in a compression other than deflate'
  return undefined
}

/** The entries of a checked zip archive as a tar archive below `folder`, unpacked as it is read; `more` puts in what else there is. */
export const unpacked = (bytes: Buffer, folder: string, more: (archive: Pack) => void) =>
  packed(async (archive) => {
    const zip = await fromBufferPromise(bytes, options)
    putFolder(archive, folder)
    more(archive)
    for await (const entry of zip.eachEntry()) await repack(zip, entry, { archive, name: `${folder}/${entry.fileName}` })
    zip.close()
  })

async function repack(zip: ZipFile, entry: Entry, { archive, name }: { archive: Pack; name: string }) {
  if (name.endsWith('/')) return putFolder(archive, name.slice(0, -1))
  const mode = ((entry.externalFileAttributes >>> 16) & executable) === 0 ? 0o644 : 0o755
  try {
    await putFile(archive, { name, mode, size: entry.uncompressedSize }, await zip.openReadStreamPromise(entry))
  } catch (error) {
    throw new RunFailure(`The source cannot be unpacked: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}
