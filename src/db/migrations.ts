import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Type from 'typebox'
import { Value } from 'typebox/value'
import { assetFolder } from '../lib/assets.ts'

const Journal = Type.Object({ entries: Type.Array(Type.Object({ tag: Type.String() })) })

const folder = assetFolder('drizzle', () => fileURLToPath(new URL('../../drizzle', import.meta.url)))

export type Dialect = 'sqlite' | 'postgres'

/** What the migrator needs of a database, inside one transaction. */
export type MigrationTarget = {
  run(statement: string): Promise<void>
  applied(): Promise<string[]>
  record(tag: string): Promise<void>
}

/** Which migrations a database has had, and which it is still to have. */
export type Migrations = { applied: string[]; pending: string[] }

/** Called before each migration, with how many are done of how many. */
export type MigrationReport = (tag: string, done: number, of: number) => void

/** The table that remembers which migrations a database has had. */
export const migrationsTable = 'create table if not exists hub_migrations (tag text primary key)'

async function tagsOf(dialect: Dialect) {
  const journal = JSON.parse(await readFile(join(folder, dialect, 'meta', '_journal.json'), 'utf8'))
  return Value.Parse(Journal, journal).entries.map(({ tag }) => tag)
}

/** Applies drizzle-kit's migrations of a dialect that the target has not had, in order; gives which. */
export async function migrate(dialect: Dialect, target: MigrationTarget, report: MigrationReport = () => {}) {
  await target.run(migrationsTable)
  const { pending } = await compare(dialect, await target.applied())
  for (const [done, tag] of pending.entries()) {
    report(tag, done, pending.length)
    const text = await readFile(join(folder, dialect, `${tag}.sql`), 'utf8')
    for (const statement of text.split('--> statement-breakpoint')) await target.run(statement)
    await target.record(tag)
  }
  return pending
}

/** What the program's migrations are to a database that has had `applied`. */
export async function compare(dialect: Dialect, applied: string[]): Promise<Migrations> {
  const had = new Set(applied)
  return { applied, pending: (await tagsOf(dialect)).filter((tag) => !had.has(tag)) }
}

/** Throws a sentence for a database that this program does not fit. */
export async function refuseUnfit(dialect: Dialect, applied: string[]) {
  const known = new Set(await tagsOf(dialect))
  if (applied.some((tag) => !known.has(tag)))
    throw new Error('The database is that of a newer Updraft: use the program that made it')
  if ((await compare(dialect, applied)).pending.length > 0)
    throw new Error('The database is that of an older Updraft: stop the hub, and bring it up to date by the command migrate')
}
