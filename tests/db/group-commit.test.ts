import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { asc } from 'drizzle-orm'
import { createGroupCommit } from '../../src/db/group-commit.ts'
import type { Change, Db } from '../../src/db/index.ts'
import { databaseName, freshDb } from '../support/databases.ts'

let db: Db
let clean: AsyncDisposable
let transactions = 0

beforeAll(async () => {
  const fresh = await freshDb()
  const counted: Db['write'] = (work) => {
    transactions++
    return fresh.db.write(work)
  }
  db = { ...fresh.db, write: counted }
  clean = fresh
})

afterAll(() => clean[Symbol.asyncDispose]())

const entry = (payload: string) => ({ type: 'test', payload, at: new Date() })
const add = (payload: string) => async (change: Change) => {
  await change.tx.insert(db.tables.logEntries).values(entry(payload))
  return payload
}
const stored = async () => {
  const rows = await db.read
    .select({ payload: db.tables.logEntries.payload })
    .from(db.tables.logEntries)
    .orderBy(asc(db.tables.logEntries.id))
  return rows.map(({ payload }) => payload)
}

describe(`group commit on ${databaseName}`, () => {
  test('commits what has gathered at once, answers each, and stores in the order of arrival', async () => {
    const { submit } = createGroupCommit(db)
    const names = Array.from({ length: 300 }, (_, n) => `in order ${n}`)
    transactions = 0
    expect(await Promise.all(names.map((name) => submit(add(name))))).toEqual(names)
    expect(transactions).toBe(1)
    expect(await stored()).toEqual(names)
  })

  test('answers only after the commit', async () => {
    const { submit } = createGroupCommit(db)
    await submit(add('committed'))
    expect(await stored()).toContain('committed')
  })

  test('one that fails costs nobody else theirs, and leaves nothing of its own', async () => {
    const { submit } = createGroupCommit(db)
    const failing = async (change: Change) => {
      await add('half done')(change)
      throw new Error('no')
    }
    const broken = async (change: Change) => {
      await change.tx.insert(db.tables.members).values({ teamId: 'none', userId: 'none', role: 'member' })
    }
    const outcomes = await Promise.allSettled([
      submit(add('first')),
      submit(failing),
      submit(add('second')),
      submit(broken),
      submit(add('third'))
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
    expect((outcomes[1] as PromiseRejectedResult).reason.message).toBe('no')
    expect((await stored()).slice(-3)).toEqual(['first', 'second', 'third'])
    expect(await stored()).not.toContain('half done')
  })

  test('a commit that fails is told to all of its callers, and is not tried again', async () => {
    let tries = 0
    const { submit } = createGroupCommit({
      ...db,
      write: async () => {
        tries++
        throw new Error('disk full')
      }
    })
    const outcomes = await Promise.allSettled([submit(add('lost')), submit(add('lost too'))])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(tries).toBe(1)
  })
})
