import { describe, expect, test } from 'bun:test'
import type { Github } from '../../src/features/github/service.ts'
import { createChecks } from '../../src/features/repos/checks.ts'
import type { Latest, RepoRow } from '../../src/features/repos/latest.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLog } from '../../src/lib/log.ts'
import { databaseName, freshDb, runSql } from '../support/databases.ts'
import { heardOn, mailspring, pollingHub, watch, watchingHub, watchList } from '../support/github.ts'
import { noticed, restart } from '../support/mqtt.ts'

const minute = 60_000
const fullName = 'Foundry376/Mailspring'

describe(`polling on ${databaseName}`, () => {
  test('asks for a repo once in an interval, however many watch it', async () => {
    await using t = await pollingHub()
    for (const name of ['grace', 'edith', 'mary']) await watch(await t.user(name))
    expect([await t.round(), t.questions()]).toEqual([0, 1])
    t.later(17)
    expect([await t.round(), t.questions()]).toEqual([1, 2])
    expect([await t.round(), t.questions()]).toEqual([0, 2])
    expect(t.github.asked[1]?.headers.get('if-none-match')).toStartWith('W/"')
  })

  test('stores what is new, and tells it once', async () => {
    await using t = await pollingHub()
    await watch(await t.user('grace'))
    const heard = heardOn(t)
    t.github.publish(fullName, '1.10.9')
    t.later(17)
    const told = noticed(t, 'repo.released')
    await t.round()
    await told
    t.later(17)
    await t.round()
    t.github.publish(fullName, '1.10.10')
    t.later(17)
    const toldAgain = noticed(t, 'repo.released')
    await t.round()
    await toldAgain
    expect(heard).toEqual([
      ['repo.released', '1.10.9'],
      ['repo.released', '1.10.10']
    ])
    expect(await watchList(t.ada)).toMatchObject([{ currentVersion: '1.10.8', latestVersion: '1.10.10' }])
  })

  test('tells of assets that come after their release, and keeps the ids of those that stay', async () => {
    await using t = await pollingHub()
    const [before] = await watchList(t.ada)
    t.github.attach(fullName, { name: 'late.zip', bytes: new Uint8Array(3) })
    t.later(17)
    const heard = heardOn(t)
    const told = noticed(t, 'repo.assets')
    await t.round()
    await told
    const [after] = await watchList(t.ada)
    expect(heard).toEqual([['repo.assets', '1.10.8']])
    expect(after?.latestReleaseAssets.slice(0, -1)).toEqual(before?.latestReleaseAssets ?? [])
    expect(after?.latestReleaseAssets.at(-1)?.name).toBe('late.zip')
  })

  test('goes on by itself', async () => {
    await using hub = await watchingHub({ env: { REPO_POLL_INTERVAL: '100ms' } })
    const ada = await hub.user('ada')
    await watch(ada)
    const told = noticed(hub, 'repo.released')
    hub.github.publish(fullName, '1.10.9')
    await told
    expect(await watchList(ada)).toMatchObject([{ latestVersion: '1.10.9' }])
  })

  test('makes no burst of what is overdue: it takes twice a fair share each time', async () => {
    await using t = await pollingHub()
    for (let n = 0; n < 89; n++) {
      t.github.publish(`many/repo-${n}`, '1')
      await watch(t.ada, { name: `repo-${n}`, ownerName: 'many' })
    }
    t.later(24 * 60)
    const rounds: number[] = []
    for (let n = 0; n < 9; n++) rounds.push(await t.round())
    expect(rounds).toEqual([12, 12, 12, 12, 12, 12, 12, 6, 0])
    expect(t.questions()).toBe(180)
  })

  test('asks a renamed repo by its number, in one question', async () => {
    await using t = await pollingHub()
    t.github.rename(fullName, 'Getmailspring/Mailspring')
    t.github.publish(fullName, '1.10.9')
    for (let n = 0; n < 3; n++) {
      t.later(17)
      await t.round()
    }
    const [, ...polled] = t.github.asked.map(({ path }) => path.split('/')[1])
    expect(polled).toEqual(['repos', 'repositories', 'repositories', 'repositories'])
    expect(await watchList(t.ada)).toMatchObject([{ ...mailspring, latestVersion: '1.10.9' }])
  })

  test('a number that is gone is forgotten, and the name asked for again', async () => {
    await using t = await pollingHub()
    t.github.rename(fullName, 'Getmailspring/Mailspring')
    t.later(17)
    await t.round()
    t.github.answer(({ path }) => (path.startsWith('/repositories') ? new Response('', { status: 404 }) : undefined))
    t.later(17)
    await t.round()
    t.later(40)
    await t.round()
    expect(t.github.asked.at(-2)?.path).toStartWith('/repos/')
  })
})

describe(`polling a GitHub in trouble on ${databaseName}`, () => {
  test('asks less and less often for a repo that is gone, up to once a day, and keeps what it knew', async () => {
    await using t = await pollingHub()
    t.github.unpublish(fullName)
    const waits: number[] = []
    for (let n = 0; n < 12; n++) {
      let minutes = 0
      while ((await t.round()) === 0) {
        t.later(10)
        minutes += 10
      }
      waits.push(minutes / 60)
    }
    expect(waits[1]).toBeWithin(0, 0.5)
    expect(waits[5]).toBeWithin(3, 5)
    expect(waits[11]).toBeWithin(21, 27)
    expect(await watchList(t.ada)).toMatchObject([{ latestVersion: '1.10.8' }])
    t.github.publish(fullName, '2.0.0')
    t.later(27 * 60)
    await t.round()
    t.later(17)
    expect(await t.round()).toBe(1)
    expect(await watchList(t.ada)).toMatchObject([{ latestVersion: '2.0.0' }])
  })

  test('asks for nothing until the quota is there again: nothing is due before', async () => {
    await using t = await pollingHub()
    for (let n = 0; n < 3; n++) {
      t.github.publish(`many/repo-${n}`, '1')
      await watch(t.ada, { name: `repo-${n}`, ownerName: 'many' })
    }
    t.github.setQuota(0, Date.parse('2026-11-20T13:00:00Z') / 1000)
    t.later(17)
    expect(await t.round()).toBe(4)
    const asked = t.questions()
    expect(asked).toBeLessThan(4 + 5)
    t.later(40)
    expect(await t.round()).toBe(0)
    expect(t.questions()).toBe(asked)
    t.github.setQuota(100, Date.parse('2026-11-20T14:00:00Z') / 1000)
    t.later(4)
    expect(await t.round()).toBe(4)
    expect(await t.round()).toBe(0)
  })

  test('does not wait for a GitHub that is away, and goes on when it is back', async () => {
    await using t = await pollingHub()
    for (let n = 0; n < 4; n++) {
      t.github.publish(`many/repo-${n}`, '1')
      await watch(t.ada, { name: `repo-${n}`, ownerName: 'many' })
    }
    const before = t.questions()
    t.github.answer(() => new Response('', { status: 502 }))
    t.later(17)
    expect(await t.round()).toBe(5)
    expect(t.questions() - before).toBeLessThan(6)
    t.github.answer(undefined)
    t.github.publish(fullName, '1.10.9')
    t.later(17)
    expect(await t.round()).toBe(5)
    expect(await watchList(t.ada)).toMatchObject([{ latestVersion: '1.10.9' }, {}, {}, {}, {}])
    expect(t.logged().match(/a repo could not be checked/g)?.length).toBeLessThan(6)
  })

  test('asks one question for all who want to know of a repo at once', async () => {
    await using fresh = await freshDb()
    let asked = 0
    const gate = Promise.withResolvers<void>()
    const held = async () => {
      asked++
      await gate.promise
      return { kind: 'unchanged' as const }
    }
    const github = { latestRelease: held, isStopping: () => false } as unknown as Github
    const of = { db: fresh.db, clock: systemClock, log: createLog('silent'), github, latest: {} as Latest, interval: minute }
    const checks = createChecks(of)
    const row = { id: 'one', etag: null, failures: 0 } as RepoRow
    const all = [checks.check(row), ...Array.from({ length: 20 }, () => checks.checkAll([row]))]
    gate.resolve()
    expect(await Promise.all(all)).toHaveLength(21)
    expect(asked).toBe(1)
    await checks.check(row)
    expect(asked).toBe(2)
  })

  test('does not wait for all the others where one after the other takes its time', async () => {
    await using fresh = await freshDb()
    const { db } = fresh
    let asked = 0
    const slow = async () => {
      asked++
      await Bun.sleep(20)
      return { kind: 'unchanged' as const }
    }
    const github = { latestRelease: slow, isStopping: () => false } as unknown as Github
    const latest = {} as Latest
    const log = createLog('silent')
    const checks = createChecks({ db, clock: systemClock, log, github, latest, interval: minute, within: 50 })
    const rows = Array.from({ length: 200 }, (_, n) => ({ id: String(n), etag: null, failures: 0 })) as RepoRow[]
    const outcomes = await checks.checkAll(rows)
    expect(outcomes.size).toBe(200)
    expect(asked).toBeLessThan(100)
    expect([...outcomes.values()].filter(({ kind }) => kind === 'unreachable')).toHaveLength(200 - asked)
  })

  test('a hub that stops leaves a GitHub that hangs, and holds nothing against the repo', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    await watch(ada)
    const asked = Promise.withResolvers<void>()
    hub.github.answer(() => {
      asked.resolve()
      return new Promise<Response>(() => {})
    })
    const check = ada.call('PATCH /repos').catch(() => undefined)
    await asked.promise
    await using again = await restart(hub)
    await check
    expect(hub.logged()).not.toContain('could not be checked')
    hub.github.answer(undefined)
    const { id } = await again.hub.accounts.callerOf(ada.token)
    expect(await again.hub.repos.check(id)).toEqual([])
  })

  test('a repo that was seen with a watcher’s token waits for that watcher, unless it becomes public', async () => {
    await using t = await pollingHub()
    const headers = { authorization: 'ghp_grace' }
    t.github.accept('ghp_grace')
    t.github.publish('grace/secret', '1')
    t.github.hide('grace/secret')
    const grace = await t.user('grace')
    await grace.call('POST /repos', { name: 'secret', ownerName: 'grace' }, { headers })
    const asked = () => t.github.asked.filter(({ path }) => path.includes('secret')).length
    t.later(17)
    await t.round()
    expect(asked()).toBe(1)
    t.github.show('grace/secret')
    await grace.call('PATCH /repos')
    t.later(17)
    await t.round()
    expect(asked()).toBe(3)
  })

  test('a row that nobody came to watch goes when it is due', async () => {
    await using t = await pollingHub()
    const id = (await watchList(t.ada))[0]?._id ?? ''
    await runSql(t.hub.config, 'delete from watchers')
    t.later(17)
    expect(await t.round()).toBe(0)
    expect(await t.hub.repos.byId(id)).toBeUndefined()
  })
})
