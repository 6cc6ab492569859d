import { and, eq, inArray, lte } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import { newHexId } from '../../lib/secrets.ts'
import type { ReleaseAsset } from '../github/release.ts'
import type { Answer } from '../github/service.ts'
import type { Notices } from '../notices/service.ts'

export type RepoRow = Db['tables']['repos']['$inferSelect']
type AssetRow = Db['tables']['releaseAssets']['$inferSelect']
export type Told = Extract<Answer, { kind: 'release' }>

/** A repo has another latest release, or that release has other assets than before: many are uploaded after it is published. */
export type Released = { repoId: string; version: string; what: 'release' | 'assets' }

/** What else belongs to it: it is done in the same transaction. */
export type ReleaseHook = (change: Change, released: Released) => Promise<void>

export type Latest = ReturnType<typeof createLatest>

/** What is known of the latest releases: stored as GitHub tells them, with their notices. */
export function createLatest({ db, notices }: { db: Db; notices: Notices }) {
  const { repos, releaseAssets } = db.tables
  const hooks: ReleaseHook[] = []

  /** Gives whether anything is another than before. An asset that is still there keeps its id and its bytes. */
  async function replaceAssets({ tx }: Change, repoId: string, assets: ReleaseAsset[]) {
    const before = await tx.select().from(releaseAssets).where(eq(releaseAssets.repoId, repoId))
    const known = new Map(before.map((row) => [row.githubId, row]))
    const placed = assets.map((asset, place) => ({ ...asset, place }))
    const there = new Set(assets.map(({ githubId }) => githubId))
    const gone = before.filter(({ githubId }) => !there.has(githubId))
    const fresh = placed.filter(({ githubId }) => !known.has(githubId))
    const changed = placed.filter((asset) => isOther(known.get(asset.githubId), asset))
    if (gone.length > 0)
      await tx.delete(releaseAssets).where(
        inArray(
          releaseAssets.id,
          gone.map(({ id }) => id)
        )
      )
    for (const { githubId, ...asset } of changed) {
      const key = and(eq(releaseAssets.repoId, repoId), eq(releaseAssets.githubId, githubId))
      await tx
        .update(releaseAssets)
        .set(bytesGone(known.get(githubId), asset))
        .where(key)
    }
    if (fresh.length > 0) await tx.insert(releaseAssets).values(fresh.map((asset) => ({ ...asset, id: newHexId(), repoId })))
    return gone.length + fresh.length + changed.length > 0
  }

  async function tell(change: Change, { id: repoId, ownerName, name, latestVersion: previous }: RepoRow, version: string) {
    const data = { repo: `${ownerName}/${name}`, repo_id: repoId, version }
    const what = version === previous ? 'assets' : 'release'
    if (what === 'assets') await notices.record(change, { type: 'repo.assets', repoId, data })
    else await notices.record(change, { type: 'repo.released', repoId, data: { ...data, previous } })
    for (const hook of hooks) await hook(change, { repoId, version, what })
  }

  return {
    /** Inside a change: the assets of a repo that is new. */
    replaceAssets,

    /** Stores an answer, unless that to a later question is there: `set.checkedAt` is when it was asked. */
    store: (id: string, { release: { version, assets } }: Told, set: Partial<RepoRow> & { checkedAt: Date }) =>
      db.write(async (change) => {
        await change.lockOrder() // of two answers at once, the second sees what the first has changed
        const notLater = and(eq(repos.id, id), lte(repos.checkedAt, set.checkedAt))
        const [before] = await change.tx.select().from(repos).where(notLater)
        if (!before) return
        await change.tx
          .update(repos)
          .set({ ...set, latestVersion: version })
          .where(eq(repos.id, id))
        const others = await replaceAssets(change, id, assets)
        if (others || version !== before.latestVersion) await tell(change, before, version)
      }),

    /** Has something done with every new release, and every change of its assets, in the same transaction. */
    onRelease: (hook: ReleaseHook) => void hooks.push(hook)
  }
}

type Placed = Omit<ReleaseAsset, 'githubId'> & { place: number }

const isOther = (row: AssetRow | undefined, { name, url, size, digest, place }: Placed) =>
  row !== undefined && (row.name !== name || row.url !== url || row.size !== size || row.digest !== digest || row.place !== place)

/** Of an asset with other bytes, those in the store are not its own any more. */
function bytesGone(row: AssetRow | undefined, asset: Placed) {
  const same = row?.size === asset.size && (row.digest === null || row.digest === asset.digest)
  return same ? asset : { ...asset, sha256: null }
}
