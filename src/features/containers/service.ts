import { join } from 'node:path'
import type { Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import type { Blobs } from '../blobs/service.ts'
import type { Relay } from '../hubs/relay.ts'
import { createEngine } from './engine.ts'
import { createMirrors } from './mirrors.ts'
import { createRuns, type RunLimits } from './runs.ts'
import { createSpools } from './spools.ts'

const tidyEvery = 60_000
const defaultPatience = 60_000

type Needs = {
  host: string
  limits: RunLimits
  dataDir: string
  hubId: string
  db: Db
  clock: Clock
  relay: Relay
  blobs: Blobs
  log: Log
  /** For how long (ms) an engine that does not answer is asked again before a run fails by it. */
  patience?: number | undefined
}

export type Containers = Awaited<ReturnType<typeof createContainers>>

/** Everything that runs in containers: the engine, the logs of what is under way, and the runs themselves. */
export async function createContainers({
  host,
  limits,
  dataDir,
  hubId,
  blobs,
  log,
  patience = defaultPatience,
  ...needs
}: Needs) {
  const engine = createEngine({ host, hubId })
  const spools = createSpools(join(dataDir, 'spools'))
  await spools.prepare()
  const mirrors = createMirrors({ ...needs, spools, log })
  const runs = createRuns({ engine, spools, blobs, log, limits, patience })
  let timer: NodeJS.Timeout | undefined
  let tidying: Promise<unknown> = Promise.resolve()

  function tidy() {
    tidying = runs.tidy().catch((error: unknown) => log.error({ err: error }, 'tidying up containers failed'))
    return tidying
  }

  return {
    runs,
    spools,
    mirrors,
    /** What this hub is known by, beside others over the same database. */
    hubId,
    /** Removes what belongs to nothing that is under way. */
    tidy,
    /** Takes up what an earlier process left under way, and removes what belongs to nothing; again and again until stopped. */
    async start(resumes: (() => Promise<void>)[]) {
      for (const resume of resumes) await resume()
      void tidy()
      timer = setInterval(() => void tidy(), tidyEvery)
    },
    /** Lets go of what is under way: it goes on, and the next start takes it up. */
    async stop() {
      clearInterval(timer)
      await runs.stop()
      await tidying
    }
  }
}
