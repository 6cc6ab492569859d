import { and, asc, desc, eq, inArray, isNull, type SQL } from 'drizzle-orm'
import { type Db, given } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, missing, unauthorized } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import { isStillThere } from '../accounts/still-there.ts'
import { everyone } from '../notices/kinds.ts'
import type { Notices } from '../notices/service.ts'
import type { LatestRecipes } from './latest.ts'
import { createSearch } from './search.ts'
import { termsOf } from './terms.ts'

const versionsInLists = 20
const allVersions = 2 ** 31 - 1

/** A package, with the versions that are offered, newest first. */
export type Package = { id: string; name: string; maintainerId: string; versions: string[] }

export type Packages = ReturnType<typeof createPackages>

type Needs = { db: Db; clock: Clock; notices: Notices; latest: LatestRecipes }

/** What recipes are published of, and how it is found. */
export function createPackages({ db, clock, notices, latest }: Needs) {
  const { packages, packageTerms, maintainers, versions } = db.tables
  const search = createSearch(db)
  const shown = { id: packages.id, name: packages.name, maintainerId: packages.maintainerId }

  const versionsOf = db.prepare((database) =>
    database
      .select({ version: versions.version })
      .from(versions)
      .where(and(eq(versions.packageId, given('id')), isNull(versions.yankedAt)))
      .orderBy(desc(versions.rank), desc(versions.publishedAt))
      .limit(given('limit') as unknown as number)
  )

  async function withVersions(row: Omit<Package, 'versions'>, limit = allVersions): Promise<Package> {
    const rows = await versionsOf.read({ id: row.id, limit })
    return { ...row, versions: rows.map(({ version }) => version) }
  }

  async function found(which: SQL) {
    const [row] = await db.read.select(shown).from(packages).where(which)
    if (!row) throw missing('Package not found')
    return withVersions(row)
  }

  return {
    /** Makes a package; who makes it is its first maintainer. Throws `conflict` for a name that is taken. */
    create: ({ id: userId }: { id: string }, name: string): Promise<Package> =>
      db.write(async (change) => {
        if (!(await isStillThere(db, change, userId))) throw unauthorized()
        const row = { id: newId(), name, maintainerId: userId, createdAt: clock.now() }
        const [created] = await change.tx.insert(packages).values(row).onConflictDoNothing().returning(shown)
        if (!created) throw conflict('Package already exists')
        await change.tx.insert(packageTerms).values(termsOf(name).map((term) => ({ term, name })))
        await change.tx.insert(maintainers).values({ packageId: row.id, userId })
        const data = { package: name, package_id: row.id }
        await notices.record(change, { type: 'package.created', teamId: everyone, userId, data })
        return { ...created, versions: [] }
      }),

    /** A package. Throws `missing`. */
    byId: (id: string) => found(eq(packages.id, id)),

    /** The package of a name. Throws `missing`. */
    byName: (name: string) => found(eq(packages.name, name)),

    /** Up to `limit` packages after a name whose words begin as those of `search`, by name; each with its newest 20 versions. */
    async page(wanted: string | undefined, { after = '', limit }: { after?: string | undefined; limit: number }) {
      const { names, next } = await search.find(wanted, { after, limit })
      const named = db.read.select(shown).from(packages).where(inArray(packages.name, names)).orderBy(asc(packages.name))
      const rows = names.length === 0 ? [] : await named
      return { packages: await Promise.all(rows.map((row) => withVersions(row, versionsInLists))), next }
    },

    /** The version that is a package's latest, as a list of one; an empty one where none is offered. Throws `missing`. */
    async latestVersion(id: string) {
      const recipe = await latest.ofPackage(id)
      return recipe ? [recipe.version] : []
    },

    /** The latest of the package of a name, if there is one; and of up to `limit` packages after a name, by name. */
    latestOf: latest.ofName,
    latestAfter: latest.after
  }
}
