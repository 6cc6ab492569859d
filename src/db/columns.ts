import * as pg from 'drizzle-orm/pg-core'
import * as sqlite from 'drizzle-orm/sqlite-core'

/** The column vocabulary that tables are written in, for SQLite. */
export const sqliteColumns = {
  table: sqlite.sqliteTable,
  text: () => sqlite.text(),
  /** A text that is one of these. */
  choice: <U extends string, T extends [U, ...U[]]>(...values: T) => sqlite.text({ enum: values }),
  int: () => sqlite.integer(),
  /** A whole number that may pass 2^31, up to 2^53. */
  long: () => sqlite.integer(),
  /** A key that counts up from 1, and never gives a number twice. */
  serial: () => sqlite.integer().primaryKey({ autoIncrement: true }),
  /** A key that counts up while there are rows. SQLite remembers no last number, which would cost each insert a page. */
  queueNumber: () => sqlite.integer().primaryKey(),
  bool: () => sqlite.integer({ mode: 'boolean' }),
  /** A point in time, to the millisecond. */
  time: () => sqlite.integer({ mode: 'timestamp_ms' }),
  json: () => sqlite.text({ mode: 'json' }),
  index: sqlite.index,
  uniqueIndex: sqlite.uniqueIndex,
  primaryKey: sqlite.primaryKey
}

/** The vocabulary as the rest of the hub sees it; both databases read and write the same values through it. */
export type Columns = typeof sqliteColumns

const postgres = {
  table: pg.pgTable,
  text: () => pg.text(),
  choice: (...values: [string, ...string[]]) => pg.text({ enum: values }),
  int: () => pg.integer(),
  long: () => pg.bigint({ mode: 'number' }),
  serial: () => pg.bigserial({ mode: 'number' }).primaryKey(),
  queueNumber: () => pg.bigserial({ mode: 'number' }).primaryKey(),
  bool: () => pg.boolean(),
  time: () => pg.timestamp({ mode: 'date', precision: 3, withTimezone: true }),
  json: () => pg.jsonb(),
  index: pg.index,
  uniqueIndex: pg.uniqueIndex,
  primaryKey: pg.primaryKey
}

/** The same vocabulary for PostgreSQL. Drizzle types each dialect apart although these builders are used alike. */
export const postgresColumns = postgres as unknown as Columns
