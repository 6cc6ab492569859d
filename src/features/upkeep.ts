import type { Db } from '../db/index.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { References } from './blobs/references.ts'
import type { Blobs } from './blobs/service.ts'
import type { Mirrors } from './containers/mirrors.ts'
import { type Files, fileGrace } from './files/service.ts'
import type { Logs } from './logs/service.ts'
import type { Notices } from './notices/service.ts'
import type { Archives } from './recipes/archives.ts'

const every = 10 * 60_000
/** How long bytes stay that nothing refers to, in ms. */
export const blobGrace = 60 * 60_000
const batch = 1000

type Needs = {
  db: Db
  clock: Clock
  log: Log
  notices: Notices
  logs: Logs
  mirrors: Mirrors
  files: Files
  archives: Archives
  blobs: Blobs
  references: References
  retention: number
}

export type Upkeep = ReturnType<typeof createUpkeep>

/** Takes away in the background, in small batches and by one node at a time, what is past its time. `retention` in ms. */
export function createUpkeep({ db, clock, log, notices, logs, mirrors, files, archives, blobs, ...needs }: Needs) {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<unknown> = Promise.resolve()

  async function drain(removeOld: (before: Date, limit: number) => Promise<number>, after = needs.retention) {
    const before = new Date(clock.now().getTime() - after)
    let removed = 0
    let last = batch
    while (last === batch) {
      last = await removeOld(before, batch)
      removed += last
    }
    return removed
  }

  /** One round; gives how much of each went. */
  async function round() {
    const removed = {
      notices: await drain(notices.removeOld),
      lines: await drain(logs.removeOld),
      runLogs: await drain(mirrors.removeOld),
      recipes: await drain((_before, limit) => archives.removeAbandoned(limit)),
      files: await drain(files.removeUnused, fileGrace),
      blobs: await blobs.sweep(needs.references.referred, blobGrace)
    }
    if (Object.values(removed).some((count) => count > 0)) log.info(removed, 'upkeep removed what was past its time')
    return removed
  }

  return {
    round,
    /** Goes round every ten minutes until stopped. */
    start() {
      timer = setInterval(() => {
        running = db
          .alone('upkeep', round)
          .catch((error: unknown) => log.error({ err: error }, 'upkeep failed; it tries again in ten minutes'))
      }, every)
    },
    async stop() {
      clearInterval(timer)
      await running
    }
  }
}
