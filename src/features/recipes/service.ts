import { and, desc, eq, lt, ne } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, missing } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import { rankOf } from '../../lib/versions.ts'
import { shortLifetime, type Tokens } from '../accounts/tokens.ts'
import { everyone } from '../notices/kinds.ts'
import type { Notices } from '../notices/service.ts'
import type { LatestRecipes } from '../packages/latest.ts'
import type { Maintainers } from '../packages/maintainers.ts'
import type { LuaCheck } from './lua.ts'

/** A recipe as it was published; `archive`: whether one belongs to it. */
export type Recipe = {
  id: string
  packageId: string
  version: string
  revision: string
  recipe: string
  maintainerId: string
  createdAt: Date
  hasArchive: boolean
  isYanked: boolean
}

/** A recipe to publish: `version` is a semantic version. */
export type NewRecipe = { version: string; revision: string; recipe: string; archive: 'none' | 'awaited' }

type OfVersion = { packageId: string; version: string }
type Row = { id: string; packageId: string; version: string; revision: string }

export type Recipes = ReturnType<typeof createRecipes>

type Needs = {
  db: Db
  clock: Clock
  notices: Notices
  tokens: Tokens
  maintainers: Maintainers
  latest: LatestRecipes
  lua: LuaCheck
}

/** What is published: recipes by version and revision. What is published is never changed, and never goes. */
export function createRecipes({ db, clock, notices, tokens, maintainers, latest, lua }: Needs) {
  const { recipes, versions } = db.tables
  const ofVersion = ({ packageId, version }: OfVersion) => and(eq(recipes.packageId, packageId), eq(recipes.version, version))

  /** Inside a change: offers a recipe that is complete, and tells of it. */
  async function offer(change: Change, { name, row }: { name: string; row: Row }) {
    const { id, packageId, version, revision } = row
    const isRelease = !(version.split('+', 1)[0] ?? '').includes('-')
    const offered = { packageId, version, rank: rankOf(version), isRelease, publishedAt: clock.now() }
    await change.tx.insert(versions).values(offered).onConflictDoNothing()
    const data = { package: name, package_id: packageId, id, version, revision }
    await notices.record(change, { type: 'package.published', teamId: everyone, data })
    await latest.settle(change, packageId)
  }

  /** Inside a change: makes room where the archive of a recipe never came. */
  const forgetAbandoned = ({ tx }: Change, { packageId, version, revision }: Row) =>
    tx
      .delete(recipes)
      .where(
        and(
          ofVersion({ packageId, version }),
          eq(recipes.revision, revision),
          eq(recipes.archive, 'awaited'),
          lt(recipes.awaitedUntil, clock.now())
        )
      )

  async function setYanked({ packageId, version }: OfVersion, { userId, at }: { userId: string; at: Date | null }) {
    const { name } = await maintainers.require(packageId, userId)
    await db.write(async (change) => {
      const which = and(eq(versions.packageId, packageId), eq(versions.version, version))
      await change.lockOrder()
      const [before] = await change.tx.select({ yankedAt: versions.yankedAt }).from(versions).where(which)
      if (!before) throw missing('Version not found')
      if ((before.yankedAt === null) === (at === null)) return
      await change.tx.update(versions).set({ yankedAt: at }).where(which)
      const data = { package: name, package_id: packageId, version, yanked: at !== null }
      await notices.record(change, { type: 'package.yanked', teamId: everyone, data })
      await latest.settle(change, packageId)
    })
  }

  return {
    offer,

    /**
     * Publishes a recipe; one with an archive is offered once that has come, by the token given here. Throws `missing`,
     * `forbidden`, `conflict` for a revision that is there, `invalid` for a recipe that is no Lua.
     */
    async publish(packageId: string, { archive, ...wanted }: NewRecipe, userId: string) {
      const { name } = await maintainers.require(packageId, userId)
      await lua.check(wanted.recipe)
      const createdAt = clock.now()
      const row = { ...wanted, id: newId(), packageId, maintainerId: userId, createdAt }
      const awaitedUntil = archive === 'awaited' ? new Date(createdAt.getTime() + shortLifetime) : null
      await db.write(async (change) => {
        await forgetAbandoned(change, row)
        const [created] = await change.tx
          .insert(recipes)
          .values({ ...row, archive, awaitedUntil })
          .onConflictDoNothing()
          .returning({ id: recipes.id })
        if (!created) throw conflict('This version already has this revision')
        if (archive === 'none') await offer(change, { name, row })
      })
      const uploadToken = archive === 'awaited' ? await tokens.issueUpload(row.id) : undefined
      return { recipe: { ...row, hasArchive: false, isYanked: false } satisfies Recipe, uploadToken }
    },

    /** A recipe that is offered, or yanked: of a revision, or else the newest of its version. Throws `missing`. */
    async get({ packageId, version }: OfVersion, revision?: string): Promise<Recipe> {
      const which = and(ofVersion({ packageId, version }), ne(recipes.archive, 'awaited'))
      const [row] = await db.read
        .select({ recipe: recipes, yankedAt: versions.yankedAt })
        .from(recipes)
        .innerJoin(versions, and(eq(versions.packageId, recipes.packageId), eq(versions.version, recipes.version)))
        .where(revision === undefined ? which : and(which, eq(recipes.revision, revision)))
        .orderBy(desc(recipes.createdAt), desc(recipes.id))
        .limit(1)
      if (!row) throw missing('Recipe not found')
      return { ...row.recipe, hasArchive: row.recipe.archive === 'stored', isYanked: row.yankedAt !== null }
    },

    /** Hides a version from lists and from being the latest; who asks for it by its number still gets it. */
    yank: (version: OfVersion, userId: string) => setYanked(version, { userId, at: clock.now() }),

    /** Offers a yanked version again. */
    restore: (version: OfVersion, userId: string) => setYanked(version, { userId, at: null })
  }
}
