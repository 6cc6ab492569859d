import { describe, expect, test } from 'bun:test'
import type { Notice } from '../../src/features/notices/kinds.ts'
import { databaseName, runSql } from '../support/databases.ts'
import { mailspring, type WatchingHub, watch, watchingHub, watchList } from '../support/github.ts'
import { noticed, restart } from '../support/mqtt.ts'

const minute = 60_000
const fullName = 'Foundry376/Mailspring'

/** A hub whose clock is set by hand, with ada, who watches Mailspring. */
async function setUp(env: Record<string, string> = {}) {
  let now = Date.parse('2026-11-20T12:00:00Z')
  const hub = await watchingHub({ env, clock: { now: () => new Date(now) } })
  const ada = await hub.user('ada')
  await watch(ada)
  return {
    ...hub,
    ada,
    later: (minutes: number) => {
      now += minutes * minute
    },
    round: () => hub.hub.repos.poller.round(),
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]()
  }
}

/** Notes what is told of watched repos from now on. That they are watched may still be on its way. */
function heardOn({ hub }: Pick<WatchingHub, 'hub'>) {
  const heard: [string, string | undefined][] = []
  hub.notices.listen((notice: Notice) => {
    if ('repo' in notice.data && notice.type !== 'repo.added')
      heard.push([notice.type, 'version' in notice.data ? notice.data.version : undefined])
  })
  return heard
}

describe(`polling on ${databaseName}`, () => {
  test('asks for a repo once in an interval, however many watch it', async () => {
    await using t = await setUp()
    for (const name of ['grace', 'edith', 'mary']) await watch(await t.user(name))
    expect([await t.round(), t.questions()]).toEqual([0, 1])
    t.later(17)
    expect([await t.round(), t.questions()]).toEqual([1, 2])
    expect([await t.round(), t.questions()]).toEqual([0, 2])
    expect(t.github.asked[1]?.headers.get('if-none-match')).toStartWith('W/"')
  })

  test('stores what is new, and tells it once', async () => {
    await using t = await setUp()
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
    await using t = await setUp()
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
    await using t = await setUp()
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
    await using t = await setUp()
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
    await using t = await setUp()
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
    await using t = await setUp()
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
    await using t = await setUp()
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
    await using t = await setUp()
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
    await using t = await setUp()
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
    await using t = await setUp()
    const id = (await watchList(t.ada))[0]?._id ?? ''
    await runSql(t.hub.config, 'delete from watchers')
    t.later(17)
    expect(await t.round()).toBe(0)
    expect(await t.hub.repos.byId(id)).toBeUndefined()
  })
})

describe(`what GitHub says, on ${databaseName}`, () => {
  test('of two who ask at once with tokens of their own, one is the first to tell', async () => {
    await using t = await setUp()
    const heard = heardOn(t)
    const tokens = ['ghp_1', 'ghp_2', 'ghp_3', 'ghp_4']
    for (const token of tokens) t.github.accept(token)
    t.github.publish(fullName, '1.10.9')
    const told = noticed(t, 'repo.released')
    const check = (token: string) => t.ada.call('PATCH /repos', undefined, { headers: { authorization: token } })
    await Promise.all(tokens.map(check))
    await told
    const ended = noticed(t, 'repo.removed')
    await t.ada.call(`DELETE /repos/${(await watchList(t.ada))[0]?._id}`)
    await ended
    expect(heard).toEqual([
      ['repo.released', '1.10.9'],
      ['repo.removed', undefined]
    ])
  })

  test('an answer that comes late changes nothing that is newer', async () => {
    await using t = await setUp()
    for (const token of ['ghp_slow', 'ghp_quick']) t.github.accept(token)
    const asked = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    t.github.answer(({ headers }) => {
      if (headers.get('authorization') !== 'Bearer ghp_slow') return undefined
      asked.resolve()
      return gate.promise.then(() => Response.json({ tag_name: '1.10.7', assets: [] }))
    })
    const check = (token: string) => t.ada.call('PATCH /repos', undefined, { headers: { authorization: token } })
    const slow = check('ghp_slow')
    await asked.promise
    t.later(1)
    t.github.publish(fullName, '1.10.9')
    await check('ghp_quick')
    gate.resolve()
    expect((await slow).status).toBe(200)
    expect(await watchList(t.ada)).toMatchObject([{ latestVersion: '1.10.9' }])
  })

  test('a release and what is done with it are one transaction', async () => {
    await using t = await setUp()
    t.github.publish('many/other', '1')
    await watch(t.ada, { name: 'other', ownerName: 'many' })
    const done: string[] = []
    let fails = true
    t.hub.repos.onRelease(async (_change, { version }) => {
      done.push(version)
      if (fails && version === '1.10.9') throw new Error('not now')
    })
    const heard = heardOn(t)
    t.github.publish(fullName, '1.10.9')
    t.github.publish('many/other', '2')
    t.later(17)
    const other = noticed(t, 'repo.released')
    await expect(t.round()).rejects.toThrow('not now')
    await other
    expect(await watchList(t.ada)).toMatchObject([{ latestVersion: '1.10.8' }, { latestVersion: '2' }])
    fails = false
    const told = noticed(t, 'repo.released')
    await t.round()
    await told
    expect(await watchList(t.ada)).toMatchObject([{ latestVersion: '1.10.9' }, { latestVersion: '2' }])
    expect(done.toSorted()).toEqual(['1.10.9', '1.10.9', '2'])
    expect(heard).toEqual([
      ['repo.released', '2'],
      ['repo.released', '1.10.9']
    ])
  })

  test('a watcher is up to date with what is said to be done, and the others are as they were', async () => {
    await using t = await setUp()
    const grace = await t.user('grace')
    await watch(grace)
    const { id: userId } = await t.hub.accounts.callerOf(t.ada.token)
    t.hub.repos.onRelease(async (change, released) => {
      await t.hub.repos.setCurrentVersion(change, { userId, ...released })
    })
    t.github.publish(fullName, '1.10.9')
    await grace.call('PATCH /repos')
    expect(await watchList(t.ada)).toMatchObject([{ currentVersion: '1.10.9' }])
    expect(await watchList(grace)).toMatchObject([{ currentVersion: '1.10.8' }])
  })
})
