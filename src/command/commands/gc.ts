import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { BlobStore } from '../../blobs/store.ts'
import { openBeside } from '../../db/open.ts'
import { createReferences } from '../../features/blobs/references.ts'
import { createBlobs, type Referred } from '../../features/blobs/service.ts'
import { blobGrace } from '../../features/upkeep.ts'
import { systemClock } from '../../lib/clock.ts'
import { lockFolder, lockSweeping } from '../../lib/folder-lock.ts'
import { counted } from '../../lib/plain-numbers.ts'
import type { Call, Command, Outcome } from '../command.ts'
import { openStore } from '../place.ts'

/** `gc`: removes bytes that nothing refers to. */
export const gc: Command = {
  name: 'gc',
  summary: 'removes stored bytes that nothing refers to',
  usage: 'gc',
  about: `Only those that nobody stored within the last hour go: they may be of an upload whose row is just being written.
A running hub does the same by itself every ten minutes. With bytes on disk this is for a hub that is stopped, and --dry-run may run
beside one; with bytes in S3 hubs may be running.`,
  options: { 'dry-run': { about: 'removes nothing: says to how many nothing refers' } },
  run: collect
}

async function collect(call: Call): Promise<Outcome> {
  const { config, isOn, say } = call
  const dry = isOn('dry-run')
  if (!config.s3 && !existsSync(join(config.dataDir, 'blobs')))
    throw new Error(`There are no bytes in ${config.dataDir}: is DATA_DIR the hub's?`)
  const db = await openBeside(config)
  let unlock = () => {}
  try {
    if (!dry && !config.s3) unlock = lockFolder(config.dataDir) // on disk a store of the same bytes must not come between
    const { referred } = createReferences({ db })
    const store = watched(openStore(config), call)
    const blobs = createBlobs({ store, clock: systemClock, sweeping: () => lockSweeping(config.dataDir) })
    if (dry) say(`Nothing refers to ${counted(await abandoned(store, referred), 'blob')}.`)
    else {
      const gone = await db.alone('upkeep', () => blobs.sweep(referred, blobGrace))
      if (gone === undefined) throw new Error('A hub is at it')
      say(`${counted(gone, 'blob')} removed.`)
    }
    return 'done'
  } finally {
    unlock()
    await db.close()
  }
}

/** A store whose names are gone through for all to see, and no further than the operator wants. */
function watched(store: BlobStore, { progress, signal }: Call): BlobStore {
  async function* names() {
    let of = 0
    for await (const page of store.names()) of += page.length
    let done = 0
    for await (const page of store.names()) {
      signal.throwIfAborted()
      progress.show('bytes', { done, of, note: counted(done, 'blob') })
      yield page
      done += page.length
    }
  }
  return { ...store, names }
}

async function abandoned(store: BlobStore, referred: Referred) {
  let found = 0
  for await (const names of store.names()) {
    const needed = new Set(await referred(names))
    found += names.filter((name) => !needed.has(name)).length
  }
  return found
}
