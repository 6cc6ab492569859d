import { and, asc, gt, inArray, isNotNull, type SQL } from 'drizzle-orm'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Db } from '../../db/index.ts'
import type { Tables } from '../../db/tables.ts'

const page = 1000

/** A column of rows that refer to stored bytes. */
type Source = {
  /** What such a row is, as people call it. */
  what: string
  table: SQLiteTable
  id: SQLiteColumn
  sha256: SQLiteColumn
  size: SQLiteColumn
  /** The rows that need the bytes; all where it is left out. */
  while?: SQL
}

/** A row that needs bytes; `required` unless the hub fetches them anew where they are gone. */
export type Reference = { what: string; id: string | number; sha256: string; size: number; required: boolean }

export type References = ReturnType<typeof createReferences>

const assets = 'release asset'

/** Every column that refers to stored bytes. */
export function sourcesOf(tables: Tables): Source[] {
  const { deployments, releases, releaseAssets, builds, files, tasks, recipes } = tables
  const unfinished = inArray(builds.status, ['queued', 'building'])
  return [
    { what: 'deployment', table: deployments, id: deployments.id, sha256: deployments.sha256, size: deployments.size },
    { what: 'desktop build', table: releases, id: releases.id, sha256: releases.sha256, size: releases.size },
    { what: assets, table: releaseAssets, id: releaseAssets.id, sha256: releaseAssets.sha256, size: releaseAssets.size },
    {
      what: 'source of build',
      table: builds,
      id: builds.id,
      sha256: builds.sourceSha256,
      size: builds.sourceSize,
      while: unfinished
    },
    { what: 'log of build', table: builds, id: builds.id, sha256: builds.logSha256, size: builds.logSize },
    { what: 'file', table: files, id: files.id, sha256: files.sha256, size: files.size },
    { what: 'log of task', table: tasks, id: tasks.id, sha256: tasks.logSha256, size: tasks.logSize },
    { what: 'archive of recipe', table: recipes, id: recipes.id, sha256: recipes.sha256, size: recipes.size }
  ]
}

/** Which rows need which stored bytes: the one place where every column that refers to bytes is named. */
export function createReferences({ db }: { db: Db }) {
  const sources = sourcesOf(db.tables)

  async function pageOf({ what, table, id, sha256, size, ...rows }: Source, after: string | number | undefined) {
    const found = await db.read
      .select({ id, sha256, size })
      .from(table)
      .where(and(isNotNull(sha256), rows.while, after === undefined ? undefined : gt(id, after)))
      .orderBy(asc(id))
      .limit(page)
    return found.map((row): Reference => ({ ...(row as Omit<Reference, 'what' | 'required'>), what, required: what !== assets }))
  }

  return {
    /** Those of the given digests that a row still needs. */
    async referred(sha256s: string[]): Promise<string[]> {
      const found = await Promise.all(
        sources.map(({ table, sha256, ...rows }) =>
          db.read
            .select({ sha256 })
            .from(table)
            .where(and(inArray(sha256, sha256s), rows.while))
        )
      )
      return found.flat().map((row) => String(row.sha256))
    },

    /** Every row that needs bytes, by pages. */
    async *all(): AsyncGenerator<Reference[]> {
      for (const source of sources) {
        let rows = await pageOf(source, undefined)
        while (rows.length > 0) {
          yield rows
          rows = await pageOf(source, rows.at(-1)?.id)
        }
      }
    }
  }
}
