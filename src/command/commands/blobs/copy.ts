import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { copyBlobs } from '../../../blobs/copy.ts'
import { counted, seconds, sized } from '../../../lib/plain-numbers.ts'
import { type Call, type Command, type Outcome, UsageError } from '../../command.ts'
import { openStore } from '../../place.ts'

/** `blobs copy`: all stored bytes from the disk to S3, or back. */
export const copy: Command = {
  name: 'copy',
  summary: 'copies all stored bytes from the disk to S3, or back, and verifies each',
  usage: 'copy <from> <to>',
  about: `<from> and <to> are disk and s3: the folder blobs in DATA_DIR, and the bucket that S3_BUCKET names. The digest of each blob is
computed on the way. What is there already is left as it is, so a copy that was broken off goes on where it was. Nothing is removed.
A hub may be running: copy, start the hub with the other store, and copy once more what came between.`,
  options: {},
  run: copyAll
}

type Place = 'disk' | 's3'

function readPlace(word: string): Place {
  if (word !== 'disk' && word !== 's3') throw new UsageError(`There is no store ${word}: there are disk and s3`)
  return word
}

async function copyAll({ config, given, say, progress, signal }: Call): Promise<Outcome> {
  const [from, to] = [readPlace(given[0] ?? ''), readPlace(given[1] ?? '')]
  if (from === to) throw new UsageError('<from> and <to> are the same store')
  if (!config.s3) throw new Error('S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must name the bucket')
  await mkdir(join(config.dataDir, 'blobs', 'incoming'), { recursive: true, mode: 0o700 }) // through which they go; a hub's own uploads may be there
  const storeAt = (place: Place) => openStore({ ...config, s3: place === 's3' ? config.s3 : undefined })
  const began = performance.now()
  const { copied, bytes, present, damaged } = await copyBlobs({
    from: storeAt(from),
    to: storeAt(to),
    onProgress(so) {
      signal.throwIfAborted()
      const done = so.copied + so.present + so.damaged.length
      progress.show('bytes', { done, of: so.total, note: `${counted(done, 'blob')}, ${sized(so.bytes)} copied` })
    }
  })
  const took = seconds(performance.now() - began)
  say(`${counted(copied, 'blob')} copied to ${to}, ${sized(bytes)} in ${took}; ${counted(present, 'blob')} had been there.`)
  for (const sha256 of damaged) say(`WRONG  the bytes ${sha256} are not what was stored, and were not copied`)
  return damaged.length === 0 ? 'done' : 'wrong'
}
