import { existsSync } from 'node:fs'
import type { Log } from '../lib/log.ts'
import { sqliteFile } from './files.ts'
import type { Db } from './index.ts'
import { compare, type MigrationReport, type Migrations } from './migrations.ts'
import { migratePostgres, migrationsOfPostgres, openPostgres, openPostgresBeside } from './postgres.ts'
import { migrateSqlite, migrationsOfSqlite, openSqlite, openSqliteBeside } from './sqlite.ts'

/** Where the rows are: in PostgreSQL, or in a file in the hub's folder. */
export type Whereabouts = { dataDir: string; databaseUrl: string | undefined }

/** Opens the hub's database, made or brought up to date; `log` is told when it is away for a while. */
export const openDatabase = ({ dataDir, databaseUrl }: Whereabouts, log?: Log): Promise<Db> =>
  databaseUrl ? openPostgres(databaseUrl, log) : openSqlite(sqliteFile(dataDir), log)

/** Opens the hub's database as it is, beside hubs that may be running. Throws a sentence where there is none, or it is not up to date. */
export async function openBeside({ dataDir, databaseUrl }: Whereabouts): Promise<Db> {
  if (databaseUrl) return openPostgresBeside(databaseUrl)
  refuseMissing(dataDir)
  return openSqliteBeside(sqliteFile(dataDir))
}

/** Brings the hub's database up to date, or makes it; gives the migrations that it had not had. */
export const migrateDatabase = ({ dataDir, databaseUrl }: Whereabouts, report?: MigrationReport) =>
  databaseUrl ? migratePostgres(databaseUrl, report) : migrateSqlite(sqliteFile(dataDir), report)

/** Which migrations the hub's database has had, and which it has not. */
export async function migrationsOf({ dataDir, databaseUrl }: Whereabouts): Promise<Migrations> {
  if (databaseUrl) return compare('postgres', await migrationsOfPostgres(databaseUrl))
  return compare('sqlite', existsSync(sqliteFile(dataDir)) ? migrationsOfSqlite(sqliteFile(dataDir)) : [])
}

function refuseMissing(dataDir: string) {
  if (!existsSync(sqliteFile(dataDir)))
    throw new Error(`There is no database in ${dataDir} that this user may read: is DATA_DIR the hub's?`)
}
