import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copySqlite } from '../../src/db/copy.ts'
import type { Db } from '../../src/db/index.ts'
import { openSqlite } from '../../src/db/sqlite.ts'
import { postgresServer } from '../support/databases.ts'

const MiB = 1024 * 1024

/** A database with its journal, and what a kill would leave of both. */
async function testQueue() {
  const root = await mkdtemp(join(tmpdir(), 'updraft-queue-'))
  const opened: Db[] = []
  async function open(folder: string) {
    const db = await openSqlite(join(folder, 'db.sqlite'))
    opened.push(db)
    return db
  }
  const folder = join(root, 'living')
  await mkdir(folder)
  const db = await open(folder)
  return {
    root,
    folder,
    db,
    open,
    async killed() {
      const copy = join(root, `killed-${opened.length}`)
      await cp(folder, copy, { recursive: true })
      return open(copy)
    },
    async [Symbol.asyncDispose]() {
      for (const one of opened) await one.close()
      await rm(root, { recursive: true, force: true })
    }
  }
}

const take = ({ write, intake }: Db, bytes = MiB) => write(async (change) => (await intake.take(change, bytes))?.texts)

if (!postgresServer) {
  test('what waits beside SQLite is given once, in the order in which it came, also by a hub that is started again', async () => {
    await using t = await testQueue()
    await t.db.intake.append(['one', 'two'])
    await t.db.intake.append(['three'])
    expect(await take(await t.killed())).toEqual(['one', 'two', 'three'])
    expect(await take(t.db, 20)).toEqual(['one'])
    const next = await t.killed() // the file still holds what was taken
    expect([await take(next), await next.intake.newest(), await take(next)]).toEqual([['two', 'three'], undefined, undefined])
    await next.intake.append(['four'])
    expect(await take(next)).toEqual(['four'])
  })

  test('a change that fails gives back what it has taken', async () => {
    await using t = await testQueue()
    await t.db.intake.append(['one'])
    const failing = t.db.write(async (change) => {
      await t.db.intake.take(change, MiB)
      throw new Error('no')
    })
    expect(await failing.catch((error: Error) => error.message)).toBe('no')
    expect([await t.db.intake.newest(), await take(t.db)]).toEqual([1, ['one']])
  })

  test('two that take at once get each text once', async () => {
    await using t = await testQueue()
    const texts = Array.from({ length: 40 }, (_, n) => `text ${n}`)
    for (const text of texts) await t.db.intake.append([text])
    const taken = await Promise.all(texts.map(() => take(t.db, 30)))
    expect(taken.flatMap((some) => some ?? [])).toEqual(texts)
  })

  test('what was left in the table, as by an older hub, comes first', async () => {
    await using t = await testQueue()
    const { logIntake } = t.db.tables
    await t.db.write(({ tx }) => tx.insert(logIntake).values({ reports: 'of before' }))
    const next = await t.killed()
    expect(await next.intake.newest()).toBe(0)
    await next.intake.append(['new'])
    expect([await take(next), await take(next), await take(next)]).toEqual([['of before'], ['new'], undefined])
  })

  test('a copy of the database has what waits beside it, and nothing that was taken', async () => {
    await using t = await testQueue()
    await t.db.intake.append(['taken'])
    await take(t.db)
    await t.db.intake.append(['waits'])
    const copied = join(t.root, 'copied')
    await mkdir(copied)
    const task = { from: join(t.folder, 'db.sqlite'), to: join(copied, 'db.sqlite') }
    await copySqlite(task, { report() {}, signal: new AbortController().signal })
    const copy = await t.open(copied)
    expect([await take(copy), await take(copy)]).toEqual([['waits'], undefined])
  })

  test('a journal of another database is not read', async () => {
    await using t = await testQueue()
    await t.db.intake.append(['one'])
    const other = join(t.root, 'other')
    await cp(t.folder, other, { recursive: true })
    using database = new Database(join(other, 'db.sqlite'))
    database.run(`update log_journal set id = 'another'`)
    database.close()
    expect(await (await t.open(other)).intake.newest()).toBeUndefined()
  })
}
