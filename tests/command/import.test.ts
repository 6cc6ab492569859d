import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { asc, getTableColumns, sql } from 'drizzle-orm'
import { getTableConfig, type SQLiteColumn, type SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Db } from '../../src/db/index.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { openSqlite } from '../../src/db/sqlite.ts'
import { tablesInOrder } from '../../src/db/transfer.ts'
import { emptyPlace, operate } from '../support/command.ts'
import { freshDatabase, freshDb, postgresServer } from '../support/databases.ts'
import { jwtSecret } from '../support/hub.ts'
import { smallHub } from '../support/laden.ts'
import { hubHome } from '../support/process.ts'

if (!postgresServer) {
  test('no table comes before one that it refers to', async () => {
    await using t = await freshDb()
    const order = tablesInOrder(t.db.tables).map(([, table]) => table)
    for (const [place, table] of order.entries()) {
      const parents = getTableConfig(table).foreignKeys.map((key) => order.indexOf(key.reference().foreignTable))
      expect(parents.filter((parent) => parent < 0 || parent >= place)).toEqual([])
    }
  })
}

/** A value for a column that both databases must keep to the letter; of a reference, what the row before has. */
function valueFor(column: SQLiteColumn, n: number): unknown {
  if (column.enumValues) return column.enumValues[n % column.enumValues.length]
  if (column.dataType === 'date') return new Date(1_795_000_000_123 + n)
  if (column.dataType === 'boolean') return n % 2 === 0
  if (column.dataType === 'json') return { n, text: `"ä" \\ ${n}`, none: null }
  if (column.dataType === 'number') return n
  return `täxt ${n} "quoted" \\n \n {}`
}

function referencesOf(table: SQLiteTable) {
  const references = getTableConfig(table).foreignKeys.map((key) => key.reference())
  return new Map(
    references.flatMap(({ columns, foreignColumns }) => columns.map((column, i) => [column, foreignColumns[i]] as const))
  )
}

/** Rows in every table, so many of each; of the same number all refer to each other. */
async function fill(db: Db, rows: number) {
  for (const [, table] of tablesInOrder(db.tables)) {
    const references = referencesOf(table)
    const row = (n: number) =>
      Object.fromEntries(
        Object.entries(getTableColumns(table)).map(([key, column]) => [
          key,
          valueFor(references.get(column as SQLiteColumn) ?? (column as SQLiteColumn), n)
        ])
      )
    for (let from = 1; from <= rows; from += 100)
      await db.write(({ tx }) =>
        tx.insert(table).values(Array.from({ length: Math.min(100, rows + 1 - from) }, (_, i) => row(from + i)))
      )
  }
}

async function everything(db: Db) {
  const rows: Record<string, unknown[]> = {}
  for (const [name, table] of tablesInOrder(db.tables)) {
    const columns = Object.values(getTableColumns(table)).slice(0, 3)
    rows[name] = await db.read
      .select()
      .from(table)
      .orderBy(...columns.map((column) => asc(column)))
  }
  return rows
}

if (postgresServer) {
  describe('import sqlite', () => {
    test('brings every column of every table over as it is, and numbers go on where they were', async () => {
      await using place = await emptyPlace()
      const folder = join(place.folder, 'old')
      await Bun.$`mkdir ${folder}`
      const source = await openSqlite(join(folder, 'updraft.sqlite'))
      await fill(source, 3003)
      await source.write(({ tx }) => tx.delete(source.tables.logChains))
      await source.write(({ tx }) => tx.delete(source.tables.deployments).where(sql`id > 3000`))
      const before = await everything(source)
      await source.close()
      const { code, output, complaints } = await operate(`import sqlite ${folder}`, place.env)
      expect(code, complaints).toBe(0)
      expect(output).toMatch(/^[\d,]+ rows imported, and counted there, in /)
      const target = await openPostgres(place.env.DATABASE_URL ?? '')
      expect(await everything(target)).toEqual(before)
      const { deployments } = target.tables
      const [{ id: _old, ...row } = { id: 0 }] = await target.read.select().from(deployments).limit(1)
      const [next] = await target.write(({ tx }) =>
        tx
          .insert(deployments)
          .values(row as typeof deployments.$inferInsert)
          .returning({ id: deployments.id })
      )
      expect(next).toEqual({ id: 3004 })
      const { logIntake } = target.tables // its numbers are remembered by its rows alone
      const [waiting] = await target.write(({ tx }) =>
        tx.insert(logIntake).values({ reports: '[]' }).returning({ id: logIntake.id })
      )
      expect(waiting).toEqual({ id: 3004 })
      await target.close()
    }, 60_000)

    test('of a hub verifies, and the hub goes on with PostgreSQL as it was', async () => {
      await using database = await scratch()
      await using home = await hubHome({ DATABASE_URL: '', JWT_SECRET: jwtSecret })
      const { acknowledged, hub: before, stop } = await smallHub(home, 'running')
      const lines = Array.from({ length: 1000 }, (_, n) => `line ${n} of many`).join('\n')
      for (let n = 0; n < 4; n++)
        await before.call(`PUT /devices/${acknowledged.secret}/heartbeat?status=running`, { body: lines })
      await stop()
      const env = { ...home.env, DATABASE_URL: database.url }
      const imported = await operate(`import sqlite ${home.dataDir}`, env)
      expect(imported.output).toMatch(/Logs: [4-9],\d{3} entries of 1 application hold, verified in /)
      expect(imported.code).toBe(0)
      expect((await operate('verify', env)).output).toEndWith('Everything is right.\n')
      const again = await operate(`import sqlite ${home.dataDir}`, env)
      expect(again).toMatchObject({ code: 1, complaints: 'The database at DATABASE_URL is not empty: there are rows in users\n' })
      await using moved = await hubHome(env)
      const hub = await moved.start()
      const image = await fetch(`${hub.base}/devices/${acknowledged.secret}/image`)
      expect(image.headers.get('content-length')).toBe('50000')
      const { body } = await hub.call(`PUT /devices/${acknowledged.secret}/heartbeat?status=running`)
      expect(body).toBe(String(acknowledged.images.at(-1)?.id))
    })

    test('of a hub that was killed has what waited to be put into its log', async () => {
      await using database = await scratch()
      await using home = await hubHome({ DATABASE_URL: '', JWT_SECRET: jwtSecret })
      const { acknowledged, hub: before } = await smallHub(home, 'running')
      await before.call(`PUT /devices/${acknowledged.secret}/heartbeat?status=running`, { body: 'the last words' })
      before.child.kill('SIGKILL')
      await before.child.exited
      const env = { ...home.env, DATABASE_URL: database.url }
      expect(await operate(`import sqlite ${home.dataDir}`, env)).toMatchObject({ code: 0 })
      await using moved = await hubHome(env)
      const hub = await moved.start()
      const { body } = await hub.call('GET /admin/devices/lamp/log', { headers: { access_token: acknowledged.token } })
      const lines = (body as { log: { line: string }[] }).log.map(({ line }) => line)
      expect(lines.toSorted()).toEqual([...acknowledged.lines, 'the last words'].toSorted())
    })

    test('refuses another secret, no folder, and no DATABASE_URL, and leaves the database empty', async () => {
      await using database = await scratch()
      await using home = await hubHome({ DATABASE_URL: '', JWT_SECRET: jwtSecret })
      await smallHub(home)
      const env = { ...home.env, DATABASE_URL: database.url }
      const secret = await operate(`import sqlite ${home.dataDir}`, {
        ...env,
        JWT_SECRET: 'another secret, which is long enough to sign with'
      })
      expect(secret).toMatchObject({ code: 1, complaints: expect.stringContaining('JWT_SECRET is not what the hub in') })
      const nowhere = await operate('import sqlite /nowhere', env)
      expect(nowhere).toMatchObject({ code: 1, complaints: 'There is no database in /nowhere\n' })
      const none = await operate(`import sqlite ${home.dataDir}`, home.env)
      expect(none).toMatchObject({ code: 1, complaints: 'DATABASE_URL must name the PostgreSQL database that is to be filled\n' })
      const status = await operate('migrate --status', env)
      expect(status.output).not.toContain('applied')
    })
  })
}

async function scratch() {
  const database = await freshDatabase()
  return { url: database?.url ?? '', [Symbol.asyncDispose]: async () => database?.drop() }
}
