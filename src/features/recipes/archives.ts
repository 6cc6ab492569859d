import { and, asc, eq, inArray, lt, type SQL } from 'drizzle-orm'
import type { StagedBlob } from '../../blobs/store.ts'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, forbidden, invalid, missing, unauthorized } from '../../lib/errors.ts'
import type { Tokens } from '../accounts/tokens.ts'
import type { Maintainers } from '../packages/maintainers.ts'
import type { Recipes } from './service.ts'

/** How long an upload may take once it has begun with a token that held, in ms. */
export const longestUpload = 60 * 60_000

/** The bytes of a recipe's archive, and what they are of. */
export type Archive = { sha256: string; md5: string; size: number; name: string; version: string; revision: string }

/** An upload that may go on: whose archive it brings and for whom, when its token ends, and until when the recipe waits for it. */
export type Upload = {
  recipeId: string
  packageId: string
  maintainerId: string
  name: string
  tokenEndsAt: Date
  awaitedUntil: Date
}

export type Archives = ReturnType<typeof createArchives>

type Needs = { db: Db; clock: Clock; tokens: Tokens; maintainers: Maintainers; recipes: Recipes }

/** What belongs to recipes and is too large to be in them: uploaded once, by the token that publishing gave. */
export function createArchives({ db, clock, tokens, maintainers, recipes: { offer } }: Needs) {
  const { recipes, packages } = db.tables
  const isAwaited = (id: string) => and(eq(recipes.id, id), eq(recipes.archive, 'awaited'))

  async function awaitUntil(which: SQL | undefined, awaitedUntil: Date) {
    const waiting = await db.write(({ tx }) =>
      tx.update(recipes).set({ awaitedUntil }).where(which).returning({ packageId: recipes.packageId })
    )
    return waiting[0]
  }

  async function whyNot(id: string) {
    const [row] = await db.read.select({ archive: recipes.archive }).from(recipes).where(eq(recipes.id, id))
    if (row?.archive === 'stored') return conflict('The archive is already there')
    return missing('Recipe not found')
  }

  async function complete(change: Change, id: string, { sha256, md5, size }: StagedBlob) {
    const [row] = await change.tx
      .update(recipes)
      .set({ archive: 'stored', awaitedUntil: null, sha256, md5, size })
      .where(isAwaited(id))
      .returning({ id: recipes.id, packageId: recipes.packageId, version: recipes.version, revision: recipes.revision })
    return row
  }

  return {
    /** Lets an upload begin. Throws `unauthorized`, `forbidden` for another recipe's token, `conflict` for a second archive, `missing`. */
    async begin(recipeId: string, token = ''): Promise<Upload> {
      const claims = await tokens.readUpload(token)
      if (!claims) throw unauthorized('Send the arUploadToken of the recipe as Authorization: Bearer; it holds for 10 minutes')
      if (claims.recipeId !== recipeId) throw forbidden('The upload token is of another recipe')
      const [recipe] = await db.read.select().from(recipes).where(eq(recipes.id, recipeId))
      if (recipe?.archive !== 'awaited') throw await whyNot(recipeId)
      const { packageId, maintainerId } = recipe
      const { name } = await maintainers.require(packageId, maintainerId)
      // While an upload is under way its recipe is not taken for abandoned.
      const awaitedUntil = new Date(clock.now().getTime() + longestUpload)
      if (!(await awaitUntil(isAwaited(recipeId), awaitedUntil))) throw await whyNot(recipeId)
      return { recipeId, packageId, maintainerId, name, tokenEndsAt: claims.expiresAt, awaitedUntil }
    },

    /** Ends an upload that has failed: another may follow as long as the token holds, or has begun meanwhile and is waited for. */
    fail: ({ recipeId, tokenEndsAt, awaitedUntil }: Upload) =>
      awaitUntil(and(isAwaited(recipeId), eq(recipes.awaitedUntil, awaitedUntil)), tokenEndsAt),

    /** Keeps an archive, and offers its recipe. Throws `conflict` where another upload was first, `forbidden` for whoever maintains the package no longer. */
    async store({ recipeId, packageId, maintainerId, name }: Upload, bytes: StagedBlob) {
      if (bytes.size === 0) throw invalid('The archive is empty')
      await maintainers.require(packageId, maintainerId) // an upload may take its time
      await bytes.keep()
      const done = await db.write(async (change) => {
        const row = await complete(change, recipeId, bytes)
        if (row) await offer(change, { name, row })
        return row !== undefined
      })
      if (!done) throw await whyNot(recipeId)
    },

    /** The archive of a recipe. Throws `missing`. */
    async get(recipeId: string): Promise<Archive> {
      const { sha256, md5, size, version, revision } = recipes
      const [row] = await db.read
        .select({ sha256, md5, size, version, revision, name: packages.name })
        .from(recipes)
        .innerJoin(packages, eq(packages.id, recipes.packageId))
        .where(and(eq(recipes.id, recipeId), eq(recipes.archive, 'stored')))
      if (!row) throw missing('Archive not found')
      return row as Archive
    },

    /** Removes up to `limit` recipes whose archive never came; gives how many went. */
    async removeAbandoned(limit: number) {
      const abandoned = and(eq(recipes.archive, 'awaited'), lt(recipes.awaitedUntil, clock.now()))
      const oldest = db.read.select({ id: recipes.id }).from(recipes).where(abandoned)
      const ids = (await oldest.orderBy(asc(recipes.awaitedUntil)).limit(limit)).map(({ id }) => id)
      if (ids.length === 0) return 0
      const which = and(inArray(recipes.id, ids), abandoned)
      return (await db.write(({ tx }) => tx.delete(recipes).where(which).returning({ id: recipes.id }))).length
    }
  }
}
