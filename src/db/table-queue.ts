import { asc, inArray, lte, max, sql } from 'drizzle-orm'
import { type Db, given, type Queue } from './index.ts'

const rowsAtOnce = 100

/** Texts that wait in the rows of a table: what several hubs on one database share. */
export function createTableQueue({ tables, prepare, write }: Pick<Db, 'tables' | 'prepare' | 'write'>): Queue {
  const { logIntake } = tables
  const { id, reports: text } = logIntake
  const insert = prepare((database) => database.insert(logIntake).values({ reports: given('text') }))
  const newest = prepare((database) => database.select({ id: max(id) }).from(logIntake))
  const weights = prepare((database) =>
    database
      .select({ id, weight: sql<number>`octet_length(${text})` })
      .from(logIntake)
      .orderBy(asc(id))
      .limit(rowsAtOnce)
  )
  const upTo = prepare((database) =>
    database
      .select()
      .from(logIntake)
      .where(lte(id, given('last')))
      .orderBy(asc(id))
  )

  return {
    append: (texts) =>
      write(async (change) => {
        for (const one of texts) await insert.within(change, { text: one })
      }),

    async newest() {
      const [row] = await newest.read({})
      return row?.id ?? undefined
    },

    async take(change, weightAtOnce) {
      let weight = 0
      const fitting = (await weights.within(change, {})).filter((row, i) => (weight += row.weight) <= weightAtOnce || i === 0)
      const last = fitting.at(-1)?.id
      if (last === undefined) return undefined
      const rows = await upTo.within(change, { last })
      // No others: a row with a lower number may have been committed since, by another hub.
      const taken = rows.map((row) => row.id)
      await change.tx.delete(logIntake).where(inArray(id, taken))
      return { texts: rows.map((row) => row.reports), last }
    }
  }
}
