import { and, asc, desc, eq, gt, isNull, ne, type SQL } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import { missing } from '../../lib/errors.ts'
import { everyone } from '../notices/kinds.ts'
import type { Notices } from '../notices/service.ts'

/** A package and the recipe that is its latest: the newest revision of the newest release, or of the newest pre-release where there is none. */
export type Latest = { name: string; latest: { id: string; version: string; revision: string } | null }

export type LatestRecipes = ReturnType<typeof createLatestRecipes>

/** Which recipe of each package is the latest: noted with the package whenever what is offered changes. */
export function createLatestRecipes({ db, notices }: { db: Db; notices: Notices }) {
  const { packages, versions, recipes } = db.tables
  const told = { id: recipes.id, version: recipes.version, revision: recipes.revision }

  const newestVersion = ({ tx }: Change, packageId: string) =>
    tx
      .select({ version: versions.version })
      .from(versions)
      .where(and(eq(versions.packageId, packageId), isNull(versions.yankedAt)))
      .orderBy(desc(versions.isRelease), desc(versions.rank), desc(versions.publishedAt))
      .limit(1)

  async function newestRecipe(change: Change, packageId: string) {
    const [newest] = await newestVersion(change, packageId)
    if (!newest) return null
    const ofVersion = and(eq(recipes.packageId, packageId), eq(recipes.version, newest.version), ne(recipes.archive, 'awaited'))
    const newestFirst = [desc(recipes.createdAt), desc(recipes.id)]
    const [recipe] = await change.tx
      .select(told)
      .from(recipes)
      .where(ofVersion)
      .orderBy(...newestFirst)
      .limit(1)
    return recipe ?? null
  }

  async function read(which: SQL, limit: number): Promise<Latest[]> {
    const latest = eq(recipes.id, packages.latestId)
    const rows = db.read.select({ name: packages.name, latest: told }).from(packages).leftJoin(recipes, latest)
    return rows.where(which).orderBy(asc(packages.name)).limit(limit)
  }

  return {
    /** Inside a change of what is offered: notes what is the latest now, and says so where it was another. */
    async settle(change: Change, packageId: string) {
      await change.lockOrder() // of two changes at once, the later one sees what the earlier one has made
      const [before] = await change.tx.select().from(packages).where(eq(packages.id, packageId))
      const latest = await newestRecipe(change, packageId)
      if (!before || before.latestId === (latest?.id ?? null)) return
      await change.tx
        .update(packages)
        .set({ latestId: latest?.id ?? null })
        .where(eq(packages.id, packageId))
      const data = { package: before.name, package_id: packageId, latest }
      await notices.record(change, { type: 'package.latest', teamId: everyone, data })
    },

    /** The latest of one package. Throws `missing`. */
    async ofPackage(id: string) {
      const [row] = await read(eq(packages.id, id), 1)
      if (!row) throw missing('Package not found')
      return row.latest
    },

    /** The latest of the package of a name, if there is one. */
    ofName: (name: string) => read(eq(packages.name, name), 1),

    /** The latest of up to `limit` packages after a name, by name. */
    after: (name: string, limit: number) => read(gt(packages.name, name), limit)
  }
}
