import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import type { StagedBlob } from '../../blobs/store.ts'
import { HubError } from '../../lib/errors.ts'
import { inTime } from '../../lib/patience.ts'
import type { Blobs } from '../blobs/service.ts'
import { EngineUnreachable, RunFailure } from './failures.ts'

const silenceAtMost = 60_000

/** A file that a container has left behind. */
export type Output = { name: string; bytes: StagedBlob }

type Wanted = {
  blobs: Blobs
  /** How large a file of that name, directly in the folder, may be; undefined where it is left alone. */
  limitOf(name: string): number | undefined
  /** How many files are taken, and how much there may be in the folder altogether. */
  atMost: { files: number; all: number }
}

/** Takes files out of a folder of a container, given as the engine's tar archive; nothing but plain files, and no links. Throws a `RunFailure` past a limit. */
export async function takeOutputs(archive: Readable | undefined, wanted: Wanted): Promise<Output[]> {
  const taken: Output[] = []
  try {
    if (archive) await readAll(archive, wanted, taken)
    return taken
  } catch (error) {
    await discardOutputs(taken)
    throw error instanceof HubError && error.kind === 'tooLarge' ? new RunFailure(error.message) : error
  }
}

/** Lets go of what was taken; what was kept stays. */
export const discardOutputs = (outputs: Output[]) => Promise.all(outputs.map(({ bytes }) => bytes.discard()))

async function readAll(archive: Readable, { blobs, limitOf, atMost }: Wanted, taken: Output[]) {
  let all = 0
  let isEmpty = true
  for await (const entry of entriesOf(archive)) {
    const { name: path, size, type } = entry.header
    isEmpty = false
    all += size
    // A file of holes may say any size, and the engine would send it all.
    if (all > atMost.all) throw new RunFailure(`What it left behind has more than ${atMost.all} bytes`)
    const [, name = '', ...deeper] = path.split('/')
    const limit = type === 'file' && deeper.length === 0 ? limitOf(name) : undefined
    if (limit === undefined) {
      entry.resume()
      continue
    }
    if (size > limit) throw new RunFailure(`${JSON.stringify(name)} has more than ${limit} bytes`)
    if (taken.length === atMost.files) throw new RunFailure(`It left behind more than ${atMost.files} files`)
    taken.push({ name, bytes: await blobs.stage(entry as AsyncIterable<Uint8Array>, limit) })
  }
  if (isEmpty) throw new EngineUnreachable('The container engine gave an archive without even the folder')
}

/** The entries of an archive; reading them throws `EngineUnreachable` where the engine breaks off, or gives nothing for a minute. */
function entriesOf(archive: Readable) {
  const entries = extract()
  pipeline(arriving(archive), entries).catch(() => archive.destroy()) // why is told to whoever reads the entries
  return entries
}

async function* arriving(archive: AsyncIterable<Uint8Array>) {
  const chunks = archive[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await inTime(chunks.next(), silenceAtMost, brokenOff)
      if (done) return
      yield value
    }
  } catch {
    throw brokenOff()
  }
}

const brokenOff = () => new EngineUnreachable('The container engine broke off')
