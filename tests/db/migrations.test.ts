import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { migrationsTable } from '../../src/db/migrations.ts'
import { migrateDatabase } from '../../src/db/open.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { openSqlite } from '../../src/db/sqlite.ts'
import { createParts } from '../../src/features/logs/parts.ts'
import { databaseName, freshDatabase, postgresServer, runSql } from '../support/databases.ts'

describe(`migrations on ${databaseName}`, () => {
  test('are applied once, by several processes that start at the same time too', async () => {
    const database = await freshDatabase()
    const path = join(await mkdtemp(join(tmpdir(), 'updraft-migrations-')), 'db.sqlite')
    const [name, target] = database ? ['openPostgres', database.url] : ['openSqlite', path]
    const module = new URL(`../../src/db/${database ? 'postgres' : 'sqlite'}.ts`, import.meta.url).pathname
    const script = `const { ${name}: open } = await import(${JSON.stringify(module)}); const db = await open(${JSON.stringify(target)}); await db.ping(); await db.close()`
    const starts = Array.from({ length: 4 }, () => Bun.spawn([process.execPath, '-e', script], { stderr: 'pipe' }))
    for (const start of starts) expect([await start.exited, await new Response(start.stderr).text()]).toEqual([0, ''])
    const again = database ? await openPostgres(database.url) : await openSqlite(path)
    expect(await again.read.select().from(again.tables.users)).toEqual([])
    await again.close()
    await database?.drop()
  })

  test('say before each how far they are', async () => {
    const database = await freshDatabase()
    const dataDir = await mkdtemp(join(tmpdir(), 'updraft-migrations-'))
    const said: [string, number, number][] = []
    const where = { dataDir, databaseUrl: database?.url }
    const applied = await migrateDatabase(where, (...report) => void said.push(report))
    expect(applied[0]).toBe('0000_foundation')
    expect(said).toEqual(applied.map((tag, done) => [tag, done, applied.length]))
    await database?.drop()
    await rm(dataDir, { recursive: true, force: true })
  })
})

describe(`what a hub on ${databaseName} has had before`, () => {
  test('stays when its tables are laid out anew: when devices were last heard of, and what they said', async () => {
    const database = await freshDatabase()
    const dataDir = await mkdtemp(join(tmpdir(), 'updraft-migrations-'))
    const run = (statement: string) => runSql({ databaseUrl: database?.url, dataDir }, statement)
    await applyUntil('0007_log-in-parts', run)
    const at = new Date('2026-11-20T12:00:00.123Z')
    const stored = database ? `'${at.toISOString()}'` : String(at.getTime())
    await run(`insert into log_devices (id, device_id, last_seen_at) values (7, 'lamp', ${stored})`)
    await run(`insert into log_entries (id, device, type, payload, at) values (30000, 7, 'device', 'a line', ${stored})`)

    const db = database ? await openPostgres(database.url) : await openSqlite(join(dataDir, 'updraft.sqlite'))
    expect(await db.read.select().from(db.tables.logSeen)).toEqual([{ device: 7, lastSeenAt: at }])
    expect(await createParts(db).linesOf(7, { after: 0, limit: 10 })).toEqual([{ id: 30_000, at, line: 'a line' }])
    await db.close()
    await database?.drop()
    await rm(dataDir, { recursive: true, force: true })
  })
})

if (!postgresServer) {
  test('reports that wait for their place in the log stay when their table is made anew', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'updraft-migrations-'))
    const run = (statement: string) => runSql({ databaseUrl: undefined, dataDir }, statement)
    await applyUntil('0008_intake-without-last-number', run)
    await run(`insert into log_intake (id, reports) values (41, 'first'), (42, 'last')`)
    const db = await openSqlite(join(dataDir, 'updraft.sqlite'))
    const { logIntake } = db.tables
    expect(await db.read.select().from(logIntake)).toEqual([
      { id: 41, reports: 'first' },
      { id: 42, reports: 'last' }
    ])
    const next = await db.write(({ tx }) => tx.insert(logIntake).values({ reports: 'next' }).returning({ id: logIntake.id }))
    expect(next).toEqual([{ id: 43 }])
    await db.close()
    await rm(dataDir, { recursive: true, force: true })
  })
}

/** Applies the migrations of this run's database before one of them. */
async function applyUntil(end: string, run: (statement: string) => Promise<void>) {
  const folder = new URL(`../../drizzle/${postgresServer ? 'postgres' : 'sqlite'}/`, import.meta.url)
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).toSorted()
  await run(migrationsTable)
  for (const tag of files.map((file) => file.replace('.sql', '')).filter((each) => each < end)) {
    const text = await Bun.file(new URL(`${tag}.sql`, folder)).text()
    for (const statement of text.split('--> statement-breakpoint')) await run(statement)
    await run(`insert into hub_migrations (tag) values ('${tag}')`)
  }
}

describe('the SQLite file', () => {
  test('is in WAL mode, and keeps what was committed although its process dies', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'updraft-sqlite-')), 'db.sqlite')
    const db = await openSqlite(path)
    const other = new Database(path, { readonly: true })
    expect(other.query('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    other.close()
    await db.close()
  })

  test('cannot be written to through the reader', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'updraft-sqlite-')), 'db.sqlite')
    const db = await openSqlite(path)
    const row = { id: 'x', name: 'x', nameKey: 'x', createdAt: new Date() }
    const writer = db.read as unknown as { insert(table: object): { values(row: object): Promise<unknown> } }
    const attempt = (async () => writer.insert(db.tables.teams).values(row))()
    await attempt.catch(() => {})
    expect(attempt).rejects.toThrow('readonly')
    await db.close()
  })
})

describe('the committed migrations', () => {
  test.each([
    ['sqlite', 'sqlite'],
    ['postgres', 'postgresql']
  ])('for %s are what the tables ask for', async (folder, dialect) => {
    const project = new URL('../../', import.meta.url).pathname
    const out = await mkdtemp(join(project, 'drizzle', 'check-')) // drizzle-kit takes only a relative folder
    try {
      await cp(join(project, 'drizzle', folder), out, { recursive: true })
      const before = await readdir(out)
      const options = [
        '--dialect',
        dialect,
        '--schema',
        `./drizzle/${folder}.ts`,
        '--out',
        `./${relative(project, out)}`,
        '--casing',
        'snake_case'
      ]
      const child = Bun.spawn([process.execPath, 'x', 'drizzle-kit', 'generate', ...options], {
        cwd: project,
        stdout: 'pipe',
        stderr: 'pipe'
      })
      expect([await child.exited, await new Response(child.stdout).text()]).toEqual([
        0,
        expect.stringContaining('No schema changes')
      ])
      expect(await readdir(out)).toEqual(before)
    } finally {
      await rm(out, { recursive: true, force: true })
    }
  })
})
