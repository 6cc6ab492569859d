import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import type { Change, Db } from '../../src/db/index.ts'
import { newId } from '../../src/lib/secrets.ts'
import { databaseName, freshDb } from '../support/databases.ts'

let db: Db
let clean: AsyncDisposable

beforeAll(async () => {
  const fresh = await freshDb()
  db = fresh.db
  clean = fresh
})

afterAll(() => clean[Symbol.asyncDispose]())

const addTeam = ({ tx }: Change, name: string) =>
  tx.insert(db.tables.teams).values({ id: newId(), name, nameKey: name, createdAt: new Date(1_795_159_020_123) })
const find = (name: string) => db.read.select().from(db.tables.teams).where(eq(db.tables.teams.name, name))

describe(`a write on ${databaseName}`, () => {
  test('is there once it has resolved, times to the millisecond', async () => {
    await db.write(async (change) => void (await addTeam(change, 'acme')))
    expect(await find('acme')).toMatchObject([{ name: 'acme', userId: null, createdAt: new Date(1_795_159_020_123) }])
  })

  test('that throws leaves nothing, and tells nothing', async () => {
    const told: string[] = []
    const failing = db.write(async (change) => {
      change.afterCommit(() => void told.push('told'))
      await addTeam(change, 'ghost')
      throw new Error('changed my mind')
    })
    expect(failing).rejects.toThrow('changed my mind')
    await failing.catch(() => {})
    expect(await find('ghost')).toEqual([])
    expect(told).toEqual([])
  })

  test('is not seen by readers before its commit', async () => {
    await db.write(async (change) => {
      await addTeam(change, 'hidden')
      expect(await find('hidden')).toEqual([])
    })
    expect(await find('hidden')).toHaveLength(1)
  })

  test('runs what was to come before the commit inside, and what was to come after it after', async () => {
    const order: string[] = []
    await db.write(async (change) => {
      change.afterCommit(() => void order.push('after'))
      change.beforeCommit('key', async () => {
        order.push('before')
        await addTeam(change, 'late')
      })
      change.beforeCommit('key', async () => {
        order.push('before, the last of its key')
        await addTeam(change, 'later')
      })
      order.push('work')
    })
    expect(order).toEqual(['work', 'before, the last of its key', 'after'])
    expect([(await find('late')).length, (await find('later')).length]).toEqual([0, 1])
  })

  test('inside a write is refused instead of waiting for itself', async () => {
    const nested = db.write(() => db.write(async () => {}))
    await nested.catch(() => {})
    expect(nested).rejects.toThrow('A write inside a write')
    // and the next one goes on
    await db.write(async (change) => void (await addTeam(change, 'next')))
    expect(await find('next')).toHaveLength(1)
  })

  test('may be asked for by what runs after the commit', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    await db.write(async ({ afterCommit }) =>
      afterCommit(() => resolve(db.write(async (change) => void (await addTeam(change, 'followed')))))
    )
    await promise
    expect(await find('followed')).toHaveLength(1)
  })

  test('of a hundred at once each is whole; a unique index arbitrates', async () => {
    const results = await Promise.all(
      Array.from({ length: 100 }, () =>
        db.write(async ({ tx }) => {
          const row = { id: newId(), name: 'one', nameKey: 'one', createdAt: new Date() }
          return tx.insert(db.tables.teams).values(row).onConflictDoNothing().returning({ id: db.tables.teams.id })
        })
      )
    )
    expect(results.flat()).toHaveLength(1)
    expect(await find('one')).toHaveLength(1)
  })

  test('keeps what refers to nothing out', async () => {
    const orphan = db.write(({ tx }) => tx.insert(db.tables.members).values({ teamId: 'none', userId: 'none', role: 'owner' }))
    await orphan.catch(() => {})
    expect(orphan).rejects.toThrow()
  })
})
