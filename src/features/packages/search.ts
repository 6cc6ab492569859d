import { and, asc, eq, exists, gt, type SQL } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import { wantedTerms } from './terms.ts'

const candidatesAtMost = 5000

/** Names in their order, and where to read on; `next` is undefined at the end. */
export type Names = { names: string[]; next: string | undefined }

type Wanted = { after: string; limit: number }

/**
 * Finds packages by the beginnings of the words of their names: each word is a seek in an index that has the names in
 * their order. Of several words one leads, and the others are looked up for at most 5,000 names at a time: a page may so be
 * short, or even empty, although there is a `next`.
 */
export function createSearch({ read, tables: { packages, packageTerms } }: Pick<Db, 'read' | 'tables'>) {
  const orderedNames = (which: SQL | undefined, limit: number) =>
    read.select({ name: packageTerms.name }).from(packageTerms).where(which).orderBy(asc(packageTerms.name)).limit(limit)

  const having = (term: string, after: string) => and(eq(packageTerms.term, term), gt(packageTerms.name, after))

  async function all({ after, limit }: Wanted): Promise<Names> {
    const rows = read.select({ name: packages.name }).from(packages).where(gt(packages.name, after))
    return pageOf(await rows.orderBy(asc(packages.name)).limit(limit + 1), limit)
  }

  async function byWords([leading, ...others]: [string, ...string[]], { after, limit }: Wanted): Promise<Names> {
    const candidates = orderedNames(having(leading, after), candidatesAtMost).as('candidates')
    const alsoHaving = (term: string) =>
      exists(
        read
          .select({ name: packageTerms.name })
          .from(packageTerms)
          .where(and(eq(packageTerms.term, term), eq(packageTerms.name, candidates.name)))
      )
    const found = await read
      .select({ name: candidates.name })
      .from(candidates)
      .where(and(...others.map(alsoHaving)))
      .orderBy(asc(candidates.name))
      .limit(limit + 1)
    const page = pageOf(found, limit)
    return page.next === undefined ? { ...page, next: await lastCandidate(leading, after) } : page
  }

  /** The last name that was looked at, where there may be more behind it. */
  async function lastCandidate(leading: string, after: string) {
    const rows = orderedNames(having(leading, after), 1)
    const [last] = await rows.offset(candidatesAtMost - 1)
    return last?.name
  }

  return {
    /** Names that have a word for each word of `search`, which begins with it; all of them where it has none. */
    find(search: string | undefined, wanted: Wanted): Promise<Names> {
      if (search === undefined) return all(wanted)
      const [leading, ...others] = wantedTerms(search)
      if (leading === undefined) return Promise.resolve({ names: [], next: undefined })
      if (others.length > 0) return byWords([leading, ...others], wanted)
      return orderedNames(having(leading, wanted.after), wanted.limit + 1).then((rows) => pageOf(rows, wanted.limit))
    }
  }
}

function pageOf(rows: { name: string }[], limit: number): Names {
  const names = rows.slice(0, limit).map(({ name }) => name)
  return { names, next: rows.length > limit ? names.at(-1) : undefined }
}
