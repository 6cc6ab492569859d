import { type Column, getTableColumns, getTableName } from 'drizzle-orm'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'

type Row = Record<string, unknown>
type Named = { key: string; name: string; column: Column }

/** The columns that a row names, by their names in the database, and the part of an insert that says where the rows go. */
export function bulkInsert(table: SQLiteTable, row: Row, replacing: SQLiteColumn | undefined) {
  const columns = Object.entries(getTableColumns(table)).flatMap(([key, column]) =>
    key in row ? [{ key, name: snakeCase(key), column }] : []
  )
  const names = columns.map(({ name }) => quoted(name)).join(', ')
  const into = `insert into ${quoted(getTableName(table))} (${names})`
  return { columns, names, into, onConflict: replacing ? onConflict(columns, replacing) : '' }
}

/** The values of some rows as the driver takes them, row after row in the order of the columns. */
export function driverValues(columns: Named[], rows: Row[]) {
  const values: unknown[] = []
  for (const row of rows) {
    for (const { key, column } of columns) values.push(driverValue(column, row[key]))
  }
  return values
}

/** A value as the driver takes it. */
export const driverValue = (column: Column, value: unknown) =>
  value === null || value === undefined ? null : column.mapToDriverValue(value)

function onConflict(columns: Named[], replacing: SQLiteColumn) {
  const key = snakeCase(replacing.name)
  const others = columns.filter(({ name }) => name !== key).map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`)
  return `on conflict (${quoted(key)}) do update set ${others.join(', ')}`
}

const quoted = (name: string) => `"${name}"`

/** A column's name as Drizzle makes it in the databases of the hub. */
const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
