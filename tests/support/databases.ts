import { Database } from 'bun:sqlite'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { openPostgres } from '../../src/db/postgres.ts'
import { openSqlite } from '../../src/db/sqlite.ts'
import { newId } from '../../src/lib/secrets.ts'

/** The PostgreSQL server that this run of the tests is to use, as the URL of its maintenance database; undefined for SQLite. */
export const postgresServer = process.env.UPDRAFT_TEST_POSTGRES

/** The database that this run is on, for the names of tests. */
export const databaseName = postgresServer ? 'PostgreSQL' : 'SQLite'

/** A fresh database on the server of this run, or undefined on SQLite, whose file is in the hub's own folder. */
export async function freshDatabase() {
  if (!postgresServer) return undefined
  const name = `hub_${newId().replaceAll('-', '')}`
  await asAdmin((sql) => sql.unsafe(`create database ${name} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`))
  return {
    url: Object.assign(new URL(postgresServer), { pathname: `/${name}` }).href,
    drop: () => asAdmin((sql) => sql.unsafe(`drop database if exists ${name} with (force)`))
  }
}

/** An open, migrated, empty database of this run; it goes with its end. */
export async function freshDb() {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-db-'))
  const database = await freshDatabase()
  const db = database ? await openPostgres(database.url) : await openSqlite(join(folder, 'db.sqlite'))
  return {
    db,
    async [Symbol.asyncDispose]() {
      await db.close()
      await database?.drop()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** Runs a statement on a hub's database, past the hub. */
export async function runSql({ databaseUrl, dataDir }: { databaseUrl: string | undefined; dataDir: string }, statement: string) {
  if (databaseUrl === undefined) {
    using database = new Database(join(dataDir, 'updraft.sqlite'))
    return void database.run(statement)
  }
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  await sql.unsafe(statement)
  await sql.end()
}

async function asAdmin(work: (sql: postgres.Sql) => Promise<unknown>) {
  const sql = postgres(postgresServer ?? '', { max: 1, onnotice: () => {} })
  try {
    await work(sql)
  } finally {
    await sql.end()
  }
}
