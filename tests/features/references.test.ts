import { expect, test } from 'bun:test'
import { getTableColumns, getTableName } from 'drizzle-orm'
import { sourcesOf } from '../../src/features/blobs/references.ts'
import { freshDb } from '../support/databases.ts'

test('every column of a digest is known to refer to stored bytes', async () => {
  await using t = await freshDb()
  const named = Object.values(t.db.tables).flatMap((table) =>
    Object.keys(getTableColumns(table))
      .filter((column) => /sha256$/i.test(column))
      .map((column) => `${getTableName(table)}.${column}`)
  )
  const known = sourcesOf(t.db.tables).map(({ table, sha256 }) => `${getTableName(table)}.${sha256.name}`)
  expect(known.toSorted()).toEqual(named.toSorted())
  expect(named.length).toBeGreaterThan(5)
})
