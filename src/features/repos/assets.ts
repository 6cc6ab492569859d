import { and, eq } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { HubError, missing, tooLarge, unavailable } from '../../lib/errors.ts'
import { createFlights } from '../../lib/flights.ts'
import { createSlots } from '../../lib/slots.ts'
import { createWatchdog } from '../../lib/watchdog.ts'
import type { Blobs } from '../blobs/service.ts'
import type { Github, Whereabouts } from '../github/service.ts'
import type { Metrics } from '../metrics/service.ts'
import { errorOf } from './failures.ts'

const longest = 60 * 60_000
const stalledAfter = 30_000
const atOnce = 2

/** The bytes of a release asset in the store. */
export type StoredAsset = { name: string; sha256: string; size: number }

type Needs = { db: Db; clock: Clock; github: Github; blobs: Blobs; metrics: Metrics; limit: number }
type Found = Whereabouts & { asset: Db['tables']['releaseAssets']['$inferSelect'] }

/** The assets of latest releases as bytes in the store: fetched when they are needed, once. `limit` in bytes. */
export function createReleaseAssets({ db, clock, github, blobs, metrics, limit }: Needs) {
  const { repos, releaseAssets } = db.tables
  const flights = createFlights<StoredAsset>()
  const slots = createSlots(atOnce)

  async function find(repoId: string, assetId: string): Promise<Found> {
    const [row] = await db.read
      .select({ asset: releaseAssets, ownerName: repos.ownerName, name: repos.name, movedTo: repos.movedTo })
      .from(releaseAssets)
      .innerJoin(repos, eq(repos.id, releaseAssets.repoId))
      .where(and(eq(releaseAssets.id, assetId), eq(releaseAssets.repoId, repoId)))
    if (!row) throw missing('Release asset not found')
    return row
  }

  async function download({ asset: { githubId, size, digest }, ...repo }: Found) {
    const watchdog = createWatchdog({ longest, silence: stalledAfter })
    try {
      const answer = await github.asset(repo, githubId, watchdog.signal)
      if (answer.kind === 'missing' || answer.kind === 'unchanged') throw missing(notThere)
      if (answer.kind !== 'bytes') throw errorOf(answer, { token: undefined, now: clock.now() })
      const staged = await blobs.stage(watchdog.over(answer.body), size)
      if (staged.size === size && (digest === null || digest === staged.sha256)) return staged
      await staged.discard()
      throw otherBytes()
    } catch (error) {
      if (!(error instanceof HubError)) throw unavailable('The download from GitHub broke off')
      throw error.kind === 'tooLarge' ? otherBytes() : error
    } finally {
      watchdog.stop()
    }
  }

  async function fetchBytes(found: Found): Promise<StoredAsset> {
    const { id, name, size, digest } = found.asset
    if (digest !== null && (await blobs.has(digest))) {
      await remember(id, digest)
      if (await blobs.has(digest)) return { name, size, sha256: digest }
    }
    if (size > limit) throw tooLarge(`The asset has ${size} bytes, more than the ${limit} that are fetched`)
    const staged = await slots.use(AbortSignal.timeout(longest), () => download(found))
    try {
      await staged.keep()
    } finally {
      await staged.discard()
    }
    await remember(id, staged.sha256)
    metrics.assetStored(size)
    return { name, size, sha256: staged.sha256 }
  }

  const remember = (id: string, sha256: string) =>
    db.write(({ tx }) => tx.update(releaseAssets).set({ sha256 }).where(eq(releaseAssets.id, id)))

  return {
    /** The bytes of an asset, fetched if they are not in the store yet. Throws `missing`, `tooLarge` and `unavailable`. */
    async asset(repoId: string, assetId: string): Promise<StoredAsset> {
      const found = await find(repoId, assetId)
      const { sha256, name, size } = found.asset
      if (sha256 !== null && (await blobs.has(sha256))) return { name, size, sha256 }
      return flights.join(assetId, () => fetchBytes(found))
    },

    /** Resolves when nothing is being fetched. */
    idle: flights.landed
  }
}

const notThere = 'GitHub has no such asset, or shows it only to those who have a token'
const otherBytes = () => unavailable('GitHub gave other bytes than it lists for this asset')
