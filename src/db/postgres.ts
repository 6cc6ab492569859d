import { type Column, type SQL, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import postgres from 'postgres'
import type { Log } from '../lib/log.ts'
import { bulkInsert, driverValue } from './bulk.ts'
import { postgresColumns } from './columns.ts'
import { createWrite, type Db, type Driver, type Job, type Peers, type Preparable, type Prepared, type Writer } from './index.ts'
import { type MigrationReport, migrate, refuseUnfit } from './migrations.ts'
import { createLink, type Link } from './postgres-link.ts'
import { createTableQueue } from './table-queue.ts'
import { defineTables } from './tables.ts'

// Keys of the advisory locks, unique to the hub within a database.
const migrationLock = 0x75706401
const orderLock = 0x75706402
const jobLocks: Record<Job, number> = { upkeep: 0x75706403, polling: 0x75706404 }

/** On which hubs tell each other that there are notices, and who is connected to them. */
const channel = 'hub_notices'
const peerChannel = 'hub_peers'
const channels = [channel, peerChannel]

const connect = (url: string) => postgres(url, { max: 1, fetch_types: false, onnotice: () => {}, connect_timeout: 10 })

/** Connects to (and brings up to date) the PostgreSQL database at `url`; `log` is told when it does not answer for a while. */
export const openPostgres = (url: string, log?: Log): Promise<Db> =>
  openOver(createLink(url, { channels, log }), (client) => bringUpToDate(client))

/** Connects to the PostgreSQL database at `url` as it is. Throws a sentence where it is not up to date. */
export const openPostgresBeside = (url: string): Promise<Db> =>
  openOver(createLink(url, { channels, log: undefined }), async (client) => refuseUnfit('postgres', await appliedTo(client)))

/** Brings the PostgreSQL database at `url` up to date; gives the migrations that it had not had. */
export async function migratePostgres(url: string, report?: MigrationReport) {
  const client = connect(url)
  try {
    return await bringUpToDate(client, report)
  } finally {
    await client.end()
  }
}

/** The migrations that the PostgreSQL database at `url` has had; none of an empty one. */
export async function migrationsOfPostgres(url: string) {
  const client = connect(url)
  try {
    return await appliedTo(client)
  } finally {
    await client.end()
  }
}

async function openOver(link: Link, check: (client: postgres.Sql) => Promise<unknown>) {
  try {
    await check(link.client)
  } catch (error) {
    await link.close()
    throw error
  }
  await link.watch()
  return over(link)
}

function over(link: Link): Db {
  const { client } = link
  const database = drizzle({ client, casing: 'snake_case' })
  const transaction: Driver['transaction'] = (work) =>
    database.transaction((tx) =>
      work(tx as unknown as Writer, {
        lockOrder: async () => void (await tx.execute(sql`select pg_advisory_xact_lock(${orderLock})`)),
        wakeOthers: async () => void (await tx.execute(sql`select pg_notify(${channel}, '')`))
      })
    )
  const read = database as unknown as Writer
  const rows = {
    tables: defineTables(postgresColumns),
    read,
    write: createWrite({ transaction }),
    prepare: <Q extends Preparable>(build: (database: Writer) => Q) => prepareFor(build, read)
  }
  return {
    ...rows,
    intake: createTableQueue(rows),
    apart: undefined,
    insertMany: ({ tx }, table, rows, on) => insertAtOnce(tx as unknown as Executor, { table, rows, replacing: on?.replacing }),
    onWake(task) {
      link.on(channel, { heard: task, anew: task })
      task()
    },
    peers: peersOver(link),
    alone: (job, work) => whileHeld(client, jobLocks[job], work),
    ping: link.ping,
    damages: async () => [], // what it reads it checks, as far as it was made with checksums
    close: link.close
  }
}

const peersOver = ({ client, on }: Link): Peers => ({
  async tell(texts) {
    const each = 'select pg_notify($1, text) from json_array_elements_text($2::text::json) as given(text)'
    await client.unsafe(each, [peerChannel, JSON.stringify(texts)])
  },
  listen: (listener) => on(peerChannel, listener)
})

let prepared = 0

/** A transaction has a connection of its own, so a query inside one is built for it; the connection remembers its plan by its text. */
function prepareFor<Q extends Preparable>(build: (database: Writer) => Q, read: Writer): Prepared<Awaited<Q>> {
  const name = `hub_${++prepared}`
  const statement = build(read).prepare(name)
  return {
    read: (params) => statement.execute(params) as Promise<Awaited<Q>>,
    within: ({ tx }, params) => build(tx).prepare(name).execute(params) as Promise<Awaited<Q>>
  }
}

type Executor = { execute(query: SQL): Promise<unknown> }
type Bulk = { table: SQLiteTable; rows: Record<string, unknown>[]; replacing: SQLiteColumn | undefined }

/** One statement with one parameter, the rows as JSON: so its text is the same for any number of them. */
async function insertAtOnce(tx: Executor, { table, rows, replacing }: Bulk) {
  const [first] = rows
  if (!first) return
  const { columns, names, into, onConflict } = bulkInsert(table, first, replacing)
  const types = columns.map(({ name, column }) => `"${name}" ${typeOf(column)}`).join(', ')
  const records = rows.map((row) =>
    Object.fromEntries(columns.map(({ name, key, column }) => [name, driverValue(column, row[key])]))
  )
  const from = sql`${JSON.stringify(records)}::text::json`
  await tx.execute(
    sql`${sql.raw(into)} select ${sql.raw(names)} from json_to_recordset(${from}) as given(${sql.raw(types)}) ${sql.raw(onConflict)}`
  )
}

/** A serial is a column's default, and no type of its own. */
const typeOf = (column: Column) => column.getSQLType().replace('serial', 'int')

/** Works while a connection of its own has the lock; where that connection breaks, so does the lock, and another node goes on. */
async function whileHeld<T>(client: postgres.Sql, lock: number, work: () => Promise<T>) {
  const connection = await client.reserve()
  try {
    const [row] = await connection<{ held: boolean }[]>`select pg_try_advisory_lock(${lock}) as held`
    if (row?.held !== true) return undefined
    try {
      return await work()
    } finally {
      await connection`select pg_advisory_unlock(${lock})`
    }
  } finally {
    connection.release()
  }
}

async function appliedTo(client: postgres.Sql) {
  const [there] = await client.unsafe<{ name: string | null }[]>("select to_regclass('hub_migrations')::text as name")
  if (!there?.name) return []
  const rows = await client.unsafe<{ tag: string }[]>('select tag from hub_migrations order by tag')
  return rows.map(({ tag }) => tag)
}

function bringUpToDate(client: postgres.Sql, report?: MigrationReport) {
  return client.begin(async (tx) => {
    await tx`set local statement_timeout = 0`
    await tx`set local lock_timeout = 0` // another hub may be at it
    await tx`select pg_advisory_xact_lock(${migrationLock})`
    return migrate(
      'postgres',
      {
        run: async (statement) => void (await tx.unsafe(statement)),
        applied: async () => (await tx<{ tag: string }[]>`select tag from hub_migrations`).map(({ tag }) => tag),
        record: async (tag) => void (await tx`insert into hub_migrations (tag) values (${tag})`)
      },
      report
    )
  })
}
