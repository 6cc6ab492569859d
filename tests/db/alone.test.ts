import { describe, expect, test } from 'bun:test'
import { openPostgres } from '../../src/db/postgres.ts'
import { databaseName, freshDatabase, freshDb } from '../support/databases.ts'
import { failureOf } from '../support/failure.ts'
import { until } from '../support/mqtt.ts'

describe(`work that one node does at a time, on ${databaseName}`, () => {
  test('is done, and gives its result or its failure', async () => {
    await using fresh = await freshDb()
    const { db } = fresh
    expect(await db.alone('polling', async () => 7)).toBe(7)
    expect(await failureOf(db.alone('polling', () => Promise.reject(new Error('failed'))))).toHaveProperty('message', 'failed')
    expect(await db.alone('polling', async () => 8)).toBe(8)
  })

  test('is left to the node that is at it, and to no other kind of work', async () => {
    const database = await freshDatabase()
    if (!database) return // a SQLite file is in a folder that one process has for itself
    const one = await openPostgres(database.url)
    const other = await openPostgres(database.url)
    const gate = Promise.withResolvers<string>()
    const begun = Promise.withResolvers<void>()
    const working = one.alone('polling', () => {
      begun.resolve()
      return gate.promise
    })
    await begun.promise
    expect(await other.alone('polling', async () => 'twice')).toBeUndefined()
    expect(await one.alone('polling', async () => 'twice')).toBeUndefined()
    expect(await other.alone('upkeep', async () => 'something else')).toBe('something else')
    gate.resolve('done')
    expect(await working).toBe('done')
    expect(await other.alone('polling', async () => 'next')).toBe('next')
    await Promise.all([one.close(), other.close()])
    await database.drop()
  })

  test('goes on elsewhere when its node dies', async () => {
    const database = await freshDatabase()
    if (!database) return
    const one = await openPostgres(database.url)
    const other = await openPostgres(database.url)
    const begun = Promise.withResolvers<void>()
    const working = one.alone('polling', () => {
      begun.resolve()
      return new Promise<void>(() => {})
    })
    void working.catch(() => {})
    await begun.promise
    await one.close()
    // The server notices in its own time that the connection is gone.
    await until(async () => (await other.alone('polling', async () => 'taken over')) === 'taken over', 'the lock')
    await other.close()
    await database.drop()
  })
})
