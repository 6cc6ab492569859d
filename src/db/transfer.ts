import { type Column, count, getTableColumns, getTableName, type SQL, sql } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { sqliteFile } from './files.ts'
import type { Change, Db } from './index.ts'
import { openPostgresBeside } from './postgres.ts'
import { openSqliteBeside, sequencesOfSqlite, waitingIn } from './sqlite.ts'
import type { Tables } from './tables.ts'

const rowsAtOnce = 500

/** How far it is: rows of all tables together. */
type Report = (table: string, done: number, of: number) => void

type Transfer = { source: Db; target: Db; path: string; report: Report; signal: AbortSignal }

/** Every table, none before one that it refers to: they are defined in that order. */
export const tablesInOrder = (tables: Tables) => Object.entries(tables) as [keyof Tables, SQLiteTable][]

/**
 * Copies all rows of the SQLite database in `folder`, which nobody may be using, and what waits in its journal into the PostgreSQL
 * database at `url`, which must be up to date and empty. In one transaction, in which hubs that start wait: all of it or nothing. Gives how many rows.
 */
export async function transfer(folder: string, url: string, { report, signal }: { report: Report; signal: AbortSignal }) {
  const source = await openSqliteBeside(sqliteFile(folder))
  const target = await openPostgresBeside(url).catch(async (error: unknown) => {
    await source.close()
    throw error
  })
  try {
    return await copyAll({ source, target, path: sqliteFile(folder), report, signal })
  } finally {
    await source.close()
    await target.close()
  }
}

function copyAll({ source, target, path, report, signal }: Transfer) {
  const sequences = sequencesOfSqlite(path)
  return target.write(async (change) => {
    for (const bound of ['statement_timeout', 'idle_in_transaction_session_timeout'])
      await execute(change, sql.raw(`set local ${bound} = 0`))
    await execute(change, sql`lock table hub_migrations`)
    const tables = tablesInOrder(source.tables)
    const counts = new Map<string, number>()
    for (const [key, table] of tables) {
      counts.set(key, await countOf(source.read, table))
      if ((await countOf(change.tx, target.tables[key])) > 0)
        throw new Error(`The database at DATABASE_URL is not empty: there are rows in ${getTableName(table)}`)
    }
    const of = [...counts.values()].reduce((sum, rows) => sum + rows, 0)
    let done = 0
    for (const [key, table] of tables) {
      const into = target.tables[key]
      for await (const rows of rowsOf(source, table)) {
        signal.throwIfAborted()
        await insert(target, change, into, rows)
        report(getTableName(table), (done += rows.length), of)
      }
      if ((await countOf(change.tx, into)) !== counts.get(key))
        throw new Error(`Not all rows of ${getTableName(table)} have arrived`)
      await moveSequence(change, into, sequences.get(getTableName(table)) ?? 0)
    }
    const waiting = await waitingIn(path)
    for (const { text } of waiting) await change.tx.insert(target.tables.logIntake).values({ reports: text })
    await execute(change, sql`analyze`)
    return done + waiting.length
  })
}

async function countOf(reader: Db['read'], table: SQLiteTable) {
  const [row] = await reader.select({ rows: count() }).from(table)
  return row?.rows ?? 0
}

/** The rows of a table in the order in which SQLite keeps them, by pages. */
async function* rowsOf(source: Db, table: SQLiteTable) {
  const rowid = sql<number>`rowid`
  for (let after = -1; ; ) {
    const found = await source.read
      .select({ ...getTableColumns(table), rowid })
      .from(table)
      .where(sql`${rowid} > ${after}`)
      .orderBy(rowid)
      .limit(rowsAtOnce)
    if (found.length === 0) return
    after = found.at(-1)?.rowid ?? after
    yield found.map(({ rowid: _place, ...row }) => row as Record<string, unknown>)
  }
}

const isJson = (column: Column) => column.dataType === 'json'

async function insert(target: Db, change: Change, table: SQLiteTable, rows: Record<string, unknown>[]) {
  if (Object.values(getTableColumns(table)).some(isJson)) await change.tx.insert(table).values(rows)
  else await target.insertMany(change, table, rows)
}

/** What counts up goes on where it was, so that no number is given again, also not that of a row that was deleted. */
async function moveSequence(change: Change, table: SQLiteTable, last: number) {
  const serial = Object.values(getTableColumns(table)).find((column) => column.getSQLType() === 'bigserial')
  if (!serial) return
  const sequence = sql`pg_get_serial_sequence(${getTableName(table)}, ${serial.name})`
  const highest = sql`greatest(${last}, (select max(${serial}) from ${table}))`
  await execute(change, sql`select setval(${sequence}, nullif(${highest}, 0))`) // nothing happens where there is none
}

const execute = ({ tx }: Change, query: SQL) => (tx as unknown as { execute(query: SQL): Promise<unknown> }).execute(query)
