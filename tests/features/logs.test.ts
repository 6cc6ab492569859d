import { describe, expect, test } from 'bun:test'
import { asc, count, eq } from 'drizzle-orm'
import { createGroupCommit } from '../../src/db/group-commit.ts'
import type { Db } from '../../src/db/index.ts'
import { createLogs } from '../../src/features/logs/service.ts'
import { createLog } from '../../src/lib/log.ts'
import { newId } from '../../src/lib/secrets.ts'
import { databaseName, freshDb } from '../support/databases.ts'
import { until } from '../support/mqtt.ts'

const noon = new Date('2026-11-20T12:00:00Z')
const silent = createLog('silent')

/** A log over a database, with an application in it, and another over the same database as another start of the hub would be. */
async function testLogs() {
  const { db, ...end } = await freshDb()
  let now = noon
  const open = () => {
    const commits = createGroupCommit(db)
    return { logs: createLogs({ db, commits, clock: { now: () => now }, log: silent, secret: 'of the tests' }) }
  }
  const [app, other] = [await application(db, 'blinker'), await application(db, 'alarm')]
  return { db, app, other, open, ...open(), at: (time: string) => void (now = new Date(time)), ...end }
}

async function application(db: Db, slug: string) {
  const { teams, applications } = db.tables
  const [id, teamId] = [newId(), newId()]
  await db.write(async ({ tx }) => {
    await tx.insert(teams).values({ id: teamId, name: slug, nameKey: slug, createdAt: noon })
    await tx.insert(applications).values({ id, teamId, slug, name: slug, createdAt: noon })
  })
  return id
}

const said = (...payloads: string[]) => payloads.map((payload) => ({ type: 'audit', payload }))
const numbered = (howMany: number) => said(...Array.from({ length: howMany }, (_, n) => `entry ${n + 1}`))

type Open = Awaited<ReturnType<typeof testLogs>>

const report = ({ logs, app }: Open, deviceId: string, ...lines: string[]) =>
  logs.report({ device: deviceId, applicationId: app, at: noon, lines })

async function entriesOf({ db, app }: Pick<Open, 'db' | 'app'>) {
  const { logChains, logEntries } = db.tables
  const rows = await db.read
    .select()
    .from(logEntries)
    .innerJoin(logChains, eq(logChains.id, logEntries.log))
    .where(eq(logChains.applicationId, app))
    .orderBy(asc(logEntries.id))
  return rows.map((row) => row.log_entries)
}

describe(`the log on ${databaseName}`, () => {
  test('has lines of devices and entries of programs in one chain, in the order in which they came, and counts them all', async () => {
    await using t = await testLogs()
    await t.logs.store(t.app, said('one', 'two'))
    await report(t, 'lamp', 'three', 'four')
    await t.logs.settle()
    await t.logs.store(t.app, said('five'))
    await t.logs.store(t.other, said('elsewhere'))
    expect((await entriesOf(t)).map(({ seq, type, payload }) => [seq, type, payload])).toEqual([
      [1, 'audit', 'one'],
      [2, 'audit', 'two'],
      [3, 'device', 'three'],
      [4, 'device', 'four'],
      [5, 'audit', 'five']
    ])
    expect(await t.logs.total(t.app)).toBe(5)
    expect(await t.logs.verify(t.app)).toEqual({ from: 1, to: 5, checked: 5 })
    expect(await t.logs.verify(t.other)).toEqual({ from: 1, to: 1, checked: 1 })
  })

  test('of an application that nobody has logged to is empty, and holds', async () => {
    await using t = await testLogs()
    expect(await t.logs.total(t.app)).toBe(0)
    expect(await t.logs.verify(t.app)).toEqual({ from: 0, to: 0, checked: 0 })
  })

  test('takes many at once from many, each in its place, none lost', async () => {
    await using t = await testLogs()
    const programs = Array.from({ length: 20 }, (_, n) => t.logs.store(t.app, said(`a${n}`, `b${n}`)))
    const devices = Array.from({ length: 200 }, (_, n) => report(t, `device ${n % 7}`, `line ${n}`))
    await Promise.all([...programs, ...devices])
    expect(await t.logs.total(t.app)).toBe(240)
    expect(await t.logs.verify(t.app)).toEqual({ from: 1, to: 240, checked: 240 })
    const lines = (await t.logs.ofDevice('device 3', { after: 0 })).lines.map(({ line }) => line)
    expect(lines).toEqual(Array.from({ length: 29 }, (_, n) => `line ${n * 7 + 3}`))
  })

  test('has what was taken in although the process died before it was put into its place', async () => {
    await using t = await testLogs()
    const { logEntries, logDevices, logSeen } = t.db.tables
    await report(t, 'lamp', 'the last words')
    expect(await t.db.intake.newest()).toBe(1)
    const next = t.open() // another start, on what the first has left
    await next.logs.settleSeen()
    expect(await next.logs.verify(t.app)).toMatchObject({ checked: 1 })
    expect(await t.db.read.select().from(logDevices)).toEqual([{ id: 1, deviceId: 'lamp' }])
    expect(await t.db.read.select().from(logSeen)).toEqual([{ device: 1, lastSeenAt: noon }])
    expect(await t.db.intake.newest()).toBeUndefined()
    await Promise.all([t.logs.settle(), next.logs.settle()])
    expect(await t.db.read.select({ n: count() }).from(logEntries)).toEqual([{ n: 1 }])
  })

  test('knows when a device was last heard of although the process died after its lines were put into their place', async () => {
    await using t = await testLogs()
    const { logSeen } = t.db.tables
    await report(t, 'lamp', 'the last words')
    await t.logs.settle()
    expect(await t.db.read.select().from(logSeen)).toEqual([])
    await t.open().logs.settleSeen()
    expect(await t.db.read.select().from(logSeen)).toEqual([{ device: 1, lastSeenAt: noon }])
  })

  test('knows of many reports by itself when devices were last heard of', async () => {
    await using t = await testLogs()
    const { logSeen } = t.db.tables
    for (let turn = 0; turn < 16; turn += 1) {
      await report(t, 'lamp', `turn ${turn}`)
      await t.logs.settle()
    }
    const seen = async () => t.db.read.select().from(logSeen)
    await until(async () => (await seen()).length > 0, 'the times to be in their place')
    expect(await seen()).toEqual([{ device: 1, lastSeenAt: noon }])
  })

  test('takes reports larger than one row holds, and of a device without an application', async () => {
    await using t = await testLogs()
    const long = 'x'.repeat(60_000)
    await Promise.all(Array.from({ length: 20 }, (_, n) => report(t, 'lamp', `${n} ${long}`)))
    await t.logs.report({ device: 'bulb', applicationId: null, at: noon, lines: ['alone'] })
    expect(await t.logs.total(t.app)).toBe(20)
    expect((await t.logs.ofDevice('lamp', { after: 0 })).lines).toHaveLength(20)
    expect((await t.logs.ofDevice('bulb', { after: 0 })).lines).toMatchObject([{ line: 'alone' }])
    expect(await t.logs.verify(t.app)).toMatchObject({ checked: 20 })
  })

  test('lists by application and type, newest first, in pages', async () => {
    await using t = await testLogs()
    await t.logs.store(t.app, [...numbered(3), { type: 'error', payload: 'bad' }])
    await report(t, 'lamp', 'a line')
    const listed = async (query: object) => (await t.logs.list({ limit: 2, ...query })).map(({ payload }) => payload)
    expect(await listed({ applicationId: t.app })).toEqual(['a line', 'bad'])
    expect(await listed({ applicationId: t.app, type: 'audit' })).toEqual(['entry 3', 'entry 2'])
    expect(await listed({ type: 'device' })).toEqual(['a line'])
    const [last] = (await t.logs.list({ type: 'audit', limit: 1 })).map(({ id }) => id)
    expect(await listed({ type: 'audit', before: last })).toEqual(['entry 2', 'entry 1'])
    expect(await listed({ applicationId: t.other })).toEqual([])
  })

  test('keeps its chain when retention takes the old part, and knows a cut that it did not make', async () => {
    await using t = await testLogs()
    await t.logs.store(t.app, numbered(1500))
    t.at('2026-11-25T12:00:00Z')
    await t.logs.store(t.app, numbered(10))
    const before = new Date('2026-11-21T00:00:00Z')
    expect([await t.logs.removeOld(before, 1000), await t.logs.removeOld(before, 1000)]).toEqual([1000, 500])
    expect(await t.logs.total(t.app)).toBe(10)
    expect(await t.logs.verify(t.app)).toEqual({ from: 1501, to: 1510, checked: 10 })

    const { logEntries, logChains } = t.db.tables
    await t.db.write(({ tx }) => tx.delete(logEntries).where(eq(logEntries.seq, 1501)))
    expect(await t.logs.verify(t.app)).toMatchObject({ broken: { seq: 1501, reason: 'an entry is missing' } })
    const [cut] = (await entriesOf(t)).map(({ hash }) => hash ?? '')
    await t.db.write(({ tx }) => tx.update(logChains).set({ anchorSeq: 1502, anchorHash: cut }))
    expect(await t.logs.verify(t.app)).toMatchObject({ broken: { reason: 'where the log begins is not signed' } })
  })

  test('removes all of an application, and only that', async () => {
    await using t = await testLogs()
    await t.logs.store(t.app, numbered(2100))
    await t.logs.store(t.other, numbered(3))
    await report(t, 'lamp', 'a line')
    const { logChains } = t.db.tables
    const [log] = await t.db.read.select({ id: logChains.id }).from(logChains).where(eq(logChains.applicationId, t.app))
    await t.logs.settle()
    await t.logs.removeAll(log?.id ?? 0)
    expect(await entriesOf(t)).toEqual([])
    expect(await t.logs.verify(t.other)).toMatchObject({ checked: 3 })
  })
})

describe(`a chain on ${databaseName} shows`, () => {
  const changeEntry = async ({ db, app }: Open, seq: number, set: object) => {
    const { logEntries } = db.tables
    const entry = (await entriesOf({ db, app })).find((row) => row.seq === seq)
    await db.write(({ tx }) =>
      tx
        .update(logEntries)
        .set(set)
        .where(eq(logEntries.id, entry?.id ?? 0))
    )
  }

  const addEntry = async (t: Open, set: object) => {
    const [, , , fourth] = await entriesOf(t)
    if (!fourth) throw new Error('no fourth entry')
    const { id: _, ...entry } = fourth
    await t.db.write(({ tx }) => tx.insert(t.db.tables.logEntries).values({ ...entry, ...set }))
  }

  const tampering: [string, (t: Open) => Promise<unknown>, { seq: number; reason: string }][] = [
    ['an entry added behind the end', (t) => addEntry(t, { seq: 5 }), { seq: 5, reason: 'the entry is not what was stored' }],
    ['an entry added far behind the end', (t) => addEntry(t, { seq: 99 }), { seq: 5, reason: 'an entry is missing' }],
    ['an entry added in a place that is taken', (t) => addEntry(t, {}), { seq: 5, reason: 'an entry was added' }],
    ['an entry added without a place', (t) => addEntry(t, { seq: null, hash: null }), { seq: 5, reason: 'an entry was added' }],
    [
      'an end that was set back to what was signed once',
      async (t) => {
        const { logChains } = t.db.tables
        const ofApp = eq(logChains.applicationId, t.app)
        const [before] = await t.db.read.select().from(logChains).where(ofApp)
        await t.logs.store(t.app, said('entry 5'))
        await t.db.write(({ tx }) =>
          tx
            .update(logChains)
            .set(before ?? {})
            .where(ofApp)
        )
      },
      { seq: 5, reason: 'an entry was added' }
    ],
    [
      'a changed payload',
      (t) => changeEntry(t, 2, { payload: 'nothing happened' }),
      { seq: 2, reason: 'the entry is not what was stored' }
    ],
    ['a changed type', (t) => changeEntry(t, 3, { type: 'info' }), { seq: 3, reason: 'the entry is not what was stored' }],
    [
      'a letter moved from the type to the payload',
      (t) => changeEntry(t, 3, { type: 'audi', payload: 'tentry 3' }),
      { seq: 3, reason: 'the entry is not what was stored' }
    ],
    [
      'a removed entry',
      (t) => t.db.write(({ tx }) => tx.delete(t.db.tables.logEntries).where(eq(t.db.tables.logEntries.seq, 2))),
      { seq: 2, reason: 'an entry is missing' }
    ],
    [
      'a removed end',
      (t) => t.db.write(({ tx }) => tx.delete(t.db.tables.logEntries).where(eq(t.db.tables.logEntries.seq, 4))),
      { seq: 4, reason: 'an entry is missing' }
    ],
    [
      'two that have changed places',
      async (t) => {
        await changeEntry(t, 2, { payload: 'entry 3' })
        await changeEntry(t, 3, { payload: 'entry 2' })
      },
      { seq: 2, reason: 'the entry is not what was stored' }
    ],
    [
      'an end that was set back',
      async (t) => {
        const [, , third] = await entriesOf(t)
        const { logChains, logEntries } = t.db.tables
        await t.db.write(async ({ tx }) => {
          await tx.delete(logEntries).where(eq(logEntries.seq, 4))
          await tx.update(logChains).set({ seq: 3, hash: third?.hash ?? '' })
        })
      },
      { seq: 3, reason: 'where the log ends is not signed' }
    ],
    [
      'an entry of another chain',
      async (t) => {
        await t.logs.store(t.other, said('entry 1', 'planted'))
        const [, planted] = await entriesOf({ ...t, app: t.other })
        await changeEntry(t, 2, { payload: planted?.payload, hash: planted?.hash })
      },
      { seq: 2, reason: 'the entry is not what was stored' }
    ]
  ]

  test('nothing wrong with entries that are older than it', async () => {
    await using t = await testLogs()
    await t.logs.store(t.app, numbered(2))
    const { logEntries, logChains } = t.db.tables
    await t.db.write(async ({ tx }) => {
      await tx.update(logEntries).set({ seq: null, hash: null })
      await tx.update(logChains).set({ seq: 0, hash: '', signature: '' })
    })
    expect(await t.logs.verify(t.app)).toEqual({ from: 0, to: 0, checked: 0 })
    await t.logs.store(t.app, numbered(2))
    expect(await t.logs.verify(t.app)).toEqual({ from: 1, to: 2, checked: 2 })
  })

  test.each(tampering)('%s', async (_, tamper, broken) => {
    await using t = await testLogs()
    await t.logs.store(t.app, numbered(4))
    expect(await t.logs.verify(t.app)).toEqual({ from: 1, to: 4, checked: 4 })
    await tamper(t)
    expect((await t.logs.verify(t.app)).broken).toEqual(broken)
  })
})
