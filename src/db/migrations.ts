import { readFile } from 'node:fs/promises'
import Type from 'typebox'
import { Value } from 'typebox/value'

const Journal = Type.Object({ entries: Type.Array(Type.Object({ tag: Type.String() })) })

/** What the migrator needs of a database, inside one transaction. */
export type MigrationTarget = {
  run(statement: string): Promise<void>
  applied(): Promise<string[]>
  record(tag: string): Promise<void>
}

/** The table that remembers which migrations a database has had. */
export const migrationsTable = 'create table if not exists hub_migrations (tag text primary key)'

/** Applies drizzle-kit's migrations of a dialect (`sqlite`, `postgres`) that the target has not had, in order. */
export async function migrate(dialect: 'sqlite' | 'postgres', target: MigrationTarget) {
  const folder = new URL(`../../drizzle/${dialect}/`, import.meta.url)
  const journal = Value.Parse(Journal, JSON.parse(await readFile(new URL('meta/_journal.json', folder), 'utf8')))
  await target.run(migrationsTable)
  const had = new Set(await target.applied())
  for (const { tag } of journal.entries.filter((entry) => !had.has(entry.tag))) {
    const text = await readFile(new URL(`${tag}.sql`, folder), 'utf8')
    for (const statement of text.split('--> statement-breakpoint')) await target.run(statement)
    await target.record(tag)
  }
}
