import { Database, type SQLQueryBindings } from 'bun:sqlite'
import { drizzle } from 'drizzle-orm/bun-sqlite'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { asUnavailable } from '../lib/failures.ts'
import type { Log } from '../lib/log.ts'
import { newId } from '../lib/secrets.ts'
import { bulkInsert, driverValues } from './bulk.ts'
import { sqliteColumns } from './columns.ts'
import { createWrite, type Db, type Preparable, type Prepared, type Writer } from './index.ts'
import { openJournal, readJournal } from './journal.ts'
import { createJournalQueue } from './journal-queue.ts'
import { type MigrationReport, migrate, refuseUnfit } from './migrations.ts'
import { createTurns, serialTransaction, type Turn } from './sqlite-turns.ts'
import { createStoring, type Storing } from './storing.ts'
import { createTableQueue } from './table-queue.ts'
import { defineTables } from './tables.ts'
import { createWalSync, noWal } from './wal.ts'

// 8 MiB of pages in memory, and 16 MiB in the log: pages that many commits change are written back once for many of them.
const room = ['cache_size = -8192', 'wal_autocheckpoint = 4000', 'temp_store = MEMORY']

// How often it is looked whether another process, an operator's command, has changed anything, in ms; a look takes microseconds.
const lookEvery = 500

/** Opens (and brings up to date) the SQLite file at `path`; `log` is told when nothing can be stored for a while. */
export async function openSqlite(path: string, log?: Log): Promise<Db> {
  const writer = open(path, { readwrite: true, create: true })
  writer.run('PRAGMA journal_mode = WAL')
  await bringUpToDate(writer)
  const id = idOfJournal(writer) // before `over`: while each commit waits for the disk by itself
  const journal = await openJournal({ path, id }, takenUpToIn(writer))
  const [storing, journaling] = [createStoring('SQLite', log), createStoring('The journal', log)]
  const turn = createTurns()
  const db = over(path, writer, { storing, turn })
  const { queue, takeApart } = createJournalQueue(db, journal)
  return {
    ...db,
    intake: { ...queue, append: (texts) => journaling.watch(queue.append(texts)) },
    apart: { path, take: (bytes, work) => storing.watch(turn(() => takeApart(bytes, work))) },
    async ping() {
      await db.ping()
      journaling.check()
    },
    close: async () => {
      await journal.close()
      await db.close()
      try {
        writer.run('PRAGMA wal_checkpoint(TRUNCATE)')
      } catch (error) {
        if (!asUnavailable(error)) throw error // on a full disk the log stays as it is, and is read at the next start
      }
      writer.close()
    }
  }
}

/** Opens the SQLite file at `path` as it is, beside a hub that may be running on it. Throws a sentence where it is not up to date. */
export async function openSqliteBeside(path: string): Promise<Db> {
  const writer = open(path, { readwrite: true })
  try {
    await refuseUnfit('sqlite', appliedTo(writer))
  } catch (error) {
    writer.close()
    throw error
  }
  return onceMore(path, writer)
}

/** Opens the SQLite file at `path` for another thread of the process that has brought it up to date. */
export const openSqliteApart = (path: string): Db => onceMore(path, open(path, { readwrite: true }))

function onceMore(path: string, writer: Database): Db {
  const db = over(path, writer)
  return {
    ...db,
    close: async () => {
      await db.close()
      writer.close()
    }
  }
}

/** Brings the SQLite file at `path` up to date, or makes it; gives the migrations that it had not had. */
export async function migrateSqlite(path: string, report?: MigrationReport) {
  const writer = open(path, { readwrite: true, create: true })
  try {
    writer.run('PRAGMA journal_mode = WAL')
    return await bringUpToDate(writer, report)
  } finally {
    writer.close()
  }
}

/** The last number that was given out in each table of the SQLite file at `path` that counts its rows. */
export function sequencesOfSqlite(path: string) {
  using database = open(path, { readonly: true })
  const rows = database.query<{ name: string; seq: number }, []>('select name, seq from sqlite_sequence').all()
  return new Map(rows.map(({ name, seq }) => [name, seq]))
}

/** The migrations that the SQLite file at `path` has had. */
export function migrationsOfSqlite(path: string) {
  using database = open(path, { readonly: true })
  return appliedTo(database)
}

type Writing = { storing?: Storing; turn?: Turn }

function over(path: string, writer: Database, { storing = createStoring('SQLite'), turn = createTurns() }: Writing = {}): Db {
  let looking: NodeJS.Timeout | undefined
  const wal = walOf(path, writer)
  const reader = open(path, { readonly: true })
  const read = drizzle({ client: reader, casing: 'snake_case' }) as unknown as Writer
  const tx = drizzle({ client: writer, casing: 'snake_case' }) as unknown as Writer
  const transaction = serialTransaction(writer, { tx, wal, turn })
  const rows = {
    tables: defineTables(sqliteColumns),
    read,
    write: createWrite({ transaction: (work) => storing.watch(transaction(work)) }),
    prepare: <Q extends Preparable>(build: (database: Writer) => Q) => prepareOnce(build, { read, tx })
  }
  return {
    ...rows,
    intake: createTableQueue(rows),
    apart: undefined,
    insertMany: async (_change, table, rows, on) => insertSome(writer, { table, rows, replacing: on?.replacing }),
    onWake(task) {
      looking = setInterval(whenChanged(writer, task), lookEvery).unref()
    },
    peers: undefined,
    alone: (_job, work) => work(), // one hub has the file to itself
    async ping() {
      wal.refuseIfFailed()
      storing.check()
      reader.query('select 1').get()
    },
    damages: async () => damagesOf(reader),
    async close() {
      clearInterval(looking)
      await wal.close()
      reader.close()
    }
  }
}

/** What waits in the journal of the SQLite file at `path` to be taken, oldest first; a hub may be running on it. */
export async function waitingIn(path: string) {
  using database = open(path, { readonly: true })
  const row = database.query<{ id: string }, []>('select id from log_journal').get()
  return row ? readJournal({ path, id: row.id }, takenUpToIn(database)) : []
}

/** By what the texts of this database's journal are told from those of another. */
function idOfJournal(writer: Database) {
  const find = writer.query<{ id: string }, []>('select id from log_journal')
  if (!find.get()) writer.run('insert into log_journal (id, taken_up_to) values (?, 0)', [newId()])
  return find.get()?.id ?? ''
}

/** The number of the last text of its journal that a database has taken. */
export const takenUpToIn = (database: Database) =>
  database.query<{ taken_up_to: number }, []>('select taken_up_to from log_journal').get()?.taken_up_to ?? 0

/** Calls `task` if another process has committed since the last time: that is when a handle's `data_version` changes. */
function whenChanged(handle: Database, task: () => void) {
  const version = handle.query<{ data_version: number }, []>('PRAGMA data_version')
  let last = version.get()?.data_version
  return () => {
    const now = version.get()?.data_version
    if (now === last) return
    last = now
    task()
  }
}

function open(path: string, options: ConstructorParameters<typeof Database>[1]) {
  const database = new Database(path, options)
  // The time-out first: the others may have to wait for another process. FULL: what was acknowledged survives a power cut.
  for (const pragma of ['busy_timeout = 5000', 'synchronous = FULL', 'foreign_keys = ON', ...room])
    database.run(`PRAGMA ${pragma}`)
  return database
}

/** Where there is a log, commits leave it to each write to wait for the disk; a copy of a database has none. */
function walOf(path: string, writer: Database) {
  const mode = writer.query<{ journal_mode: string }, []>('PRAGMA journal_mode').get()?.journal_mode
  if (mode !== 'wal') return noWal
  writer.run('PRAGMA synchronous = NORMAL')
  return createWalSync(`${path}-wal`)
}

/** Each of the two handles prepares the statement when it first needs it. */
function prepareOnce<Q extends Preparable>(
  build: (database: Writer) => Q,
  { read, tx }: { read: Writer; tx: Writer }
): Prepared<Awaited<Q>> {
  const once = (database: Writer) => {
    let statement: ReturnType<Q['prepare']> | undefined
    return (params: Record<string, unknown>) => {
      statement ??= build(database).prepare() as ReturnType<Q['prepare']>
      return Promise.resolve(statement.execute(params)) as Promise<Awaited<Q>>
    }
  }
  const within = once(tx)
  return { read: once(read), within: (_change, params) => within(params) }
}

const rowsAtOnce = 20

type Bulk = { table: SQLiteTable; rows: Record<string, unknown>[]; replacing: SQLiteColumn | undefined }

/** One statement for every twenty rows: more at once gains nothing, and their text is always the same. */
function insertSome(writer: Database, { table, rows, replacing }: Bulk) {
  const [first] = rows
  if (!first) return
  const { columns, into, onConflict } = bulkInsert(table, first, replacing)
  const places = `(${columns.map(() => '?').join(', ')})`
  const insertOf = (count: number) =>
    writer.query(`${into} values ${Array.from({ length: count }, () => places).join(', ')} ${onConflict}`)
  const full = insertOf(rowsAtOnce)
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    const some = rows.slice(from, from + rowsAtOnce)
    const statement = some.length === rowsAtOnce ? full : insertOf(some.length)
    statement.run(...(driverValues(columns, some) as SQLQueryBindings[]))
  }
}

/** A table rebuild drops the old table; with foreign keys on, that would cascade into its children. They are checked at the end. */
async function bringUpToDate(database: Database, report?: MigrationReport) {
  database.run('PRAGMA foreign_keys = OFF')
  database.run('BEGIN IMMEDIATE')
  try {
    const applied = await migrate(
      'sqlite',
      {
        run: async (statement) => void database.run(statement),
        applied: async () => appliedTo(database),
        record: async (tag) => void database.run('insert into hub_migrations (tag) values (?)', [tag])
      },
      report
    )
    if (database.query('PRAGMA foreign_key_check').all().length > 0)
      throw new Error('A migration left rows without their parents')
    database.run('COMMIT')
    return applied
  } catch (error) {
    database.run('ROLLBACK')
    throw error
  } finally {
    database.run('PRAGMA foreign_keys = ON')
  }
}

/** What SQLite's own checks find: pages, rows and indexes that do not fit together, and rows without their parents. */
function damagesOf(database: Database) {
  const checks = database.query<{ integrity_check: string }, []>('PRAGMA integrity_check').all()
  const orphans = database.query<{ table: string; rowid: number; parent: string }, []>('PRAGMA foreign_key_check').all()
  return [
    ...checks.map((row) => row.integrity_check).filter((sentence) => sentence !== 'ok'),
    ...orphans.map(({ table, rowid, parent }) => `row ${rowid} of ${table} refers to what is not in ${parent}`)
  ]
}

/** A file without the table is no hub's. */
function appliedTo(database: Database) {
  return database
    .query<{ tag: string }, []>('select tag from hub_migrations')
    .all()
    .map(({ tag }) => tag)
}
