import { AsyncLocalStorage } from 'node:async_hooks'
import { type SQL, sql } from 'drizzle-orm'
import type { BaseSQLiteDatabase, SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Tables } from './tables.ts'

/** Drizzle's query builders, typed once: both drivers are awaited alike. */
type Database = BaseSQLiteDatabase<'async', unknown>

export type Reader = Pick<Database, 'select'>
export type Writer = Pick<Database, 'select' | 'insert' | 'update' | 'delete'>

/** One transaction under way. */
export type Change = {
  tx: Writer
  /** Runs last inside the transaction, once for each `key`. */
  beforeCommit(key: unknown, task: () => Promise<void>): void
  /** Runs once the transaction is committed, and never when it is not. */
  afterCommit(task: () => void): void
  /** From here to the commit no other change is numbered: what is numbered now is in commit order. */
  lockOrder(): Promise<void>
  /** Wakes those who wait on `Db.onWake`, once this is committed, in every other process on the same database. */
  wakeOthers(): Promise<void>
}

/** A value that a prepared query is given when it runs. Drizzle takes it anywhere, but its types not in `set`. */
export const given = (name: string) => sql.placeholder(name) as unknown as SQL

type Params = Record<string, unknown>

/** A query of Drizzle's with `sql.placeholder`s in it. */
export type Preparable = PromiseLike<unknown> & { prepare(name?: string): { execute(params: Params): unknown } }

/** A query that is built once and run often. */
export type Prepared<R> = {
  /** Runs on committed rows. */
  read(params: Params): Promise<R>
  /** Runs inside a change. */
  within(change: Change, params: Params): Promise<R>
}

/** Texts of one line each that are stored at once and taken from there later, in the order in which they came. */
export type Queue = {
  /** Resolves once they are stored, behind all that are there. */
  append(texts: string[]): Promise<void>
  /** The number of the newest; undefined where there is none. */
  newest(): Promise<number | undefined>
  /**
   * Inside a change that holds the order: takes the oldest away, as many as have so many bytes together, and one in any
   * case; undefined where there is none.
   */
  take(change: Change, bytes: number): Promise<Taken | undefined>
}

/** Texts that were taken from a queue, and the number of the last of them: later ones have higher numbers. */
export type Taken = { texts: string[]; last: number }

/** How another thread of this process writes to the same file: in turns in which nobody else does. */
export type Apart = {
  /** Where that thread opens it (`openSqliteApart`). */
  path: string
  /**
   * Gives `work` the oldest texts of the intake, of so many bytes. Once it resolves, the other thread has committed what
   * became of them, and that they are taken (`noteTaken`). Gives undefined where there was none.
   */
  take<T>(bytes: number, work: (taken: Taken) => Promise<T>): Promise<{ last: number; result: T } | undefined>
}

export type Db = {
  tables: Tables
  /** Committed rows only. */
  read: Reader
  /** One transaction. Only database calls belong inside: on SQLite it holds up every other write. It cannot be nested. */
  write<T>(work: (change: Change) => Promise<T>): Promise<T>
  /** Prepares a query of a hot path. */
  prepare<Q extends Preparable>(build: (database: Writer) => Q): Prepared<Awaited<Q>>
  /** Inside a change: inserts many rows that name the same columns, or replaces those with the same key. Not for columns of JSON. */
  insertMany<T extends SQLiteTable>(
    change: Change,
    table: T,
    rows: T['$inferInsert'][],
    on?: { replacing: SQLiteColumn }
  ): Promise<void>
  /** What devices report, until it has its place in the log. */
  intake: Queue
  /** How another thread takes from it; undefined where other processes write too. */
  apart: Apart | undefined
  /** Calls `task` when another process has committed something to tell, and when such calls may have been missed. */
  onWake(task: () => void): void
  /** The other processes on the same database; undefined where one has it to itself. */
  peers: Peers | undefined
  /** Does a job unless another node is at it; gives its result, or undefined. */
  alone<T>(job: Job, work: () => Promise<T>): Promise<T | undefined>
  /** Resolves when the database answers. */
  ping(): Promise<void>
  /** What is damaged in the database itself, as far as it can say so. */
  damages(): Promise<string[]>
  close(): Promise<void>
}

/** What processes on one database tell each other past its tables: each hears everything in the same order, itself included. */
export type Peers = {
  /** Tells texts of less than 8,000 bytes each. */
  tell(texts: string[]): Promise<void>
  /** Calls `heard` with each text, and `anew` whenever some may have been missed. */
  listen(listener: { heard(text: string): void; anew(): void }): void
}

/** Work in the background that one node at a time does, however many there are over one database. */
export type Job = 'upkeep' | 'polling'

/** What a transaction shares with other processes. */
export type Shared = Pick<Change, 'lockOrder' | 'wakeOthers'>

/** What a driver adds to the common part: a transaction around `work`. */
export type Driver = {
  transaction<T>(work: (tx: Writer, shared: Shared) => Promise<T>): Promise<T>
}

const writing = new AsyncLocalStorage<true>()

/** Gives `Db.write` over a driver's transaction: refuses nesting, and runs the tasks around the commit. */
export function createWrite({ transaction }: Driver): Db['write'] {
  return async (work) => {
    if (writing.getStore()) throw new Error('A write inside a write would wait for itself: pass the change on instead')
    const told: (() => void)[] = []
    const result = await writing.run(true, () =>
      transaction(async (tx, shared) => {
        const last = new Map<unknown, () => Promise<void>>()
        const done = await work({
          tx,
          ...shared,
          beforeCommit: (key, task) => void last.set(key, task),
          afterCommit: (task) => void told.push(task)
        })
        for (const task of last.values()) await task()
        return done
      })
    )
    for (const task of told) task()
    return result
  }
}
