import { describe, expect, test } from 'bun:test'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { mailspring, mailspringAssets, watch, watchingHub, watchList } from '../../support/github.ts'

const id = expect.stringMatching(/^[0-9a-f]{24}$/)
const checked = { message: 'All repos successfully checked for update' }
const aria = { name: 'aria2', ownerName: 'aria2' }

const asListed = {
  _id: id,
  name: 'Mailspring',
  ownerName: 'Foundry376',
  latestReleaseAssets: mailspringAssets.map((name) => ({
    name,
    url: `https://github.com/Foundry376/Mailspring/releases/download/1.10.8/${name}`,
    _id: id
  })),
  currentVersion: '1.10.8',
  latestVersion: '1.10.8'
}

describe(`001 on ${databaseName}: GET /repos`, () => {
  test('lists the caller’s repos in the order in which they were added, and nobody else’s', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    expect(await ada.call('GET /repos')).toEqual({ status: 200, body: [] })
    hub.github.publish('aria2/aria2', 'release-1.37.0')
    hub.github.publish('zed/zed', '1')
    for (const repo of [{ name: 'zed', ownerName: 'zed' }, mailspring, aria]) await watch(ada, repo)
    await watch(grace, aria)
    expect((await watchList(ada)).map(({ name }) => name)).toEqual(['zed', 'Mailspring', 'aria2'])
    expect((await watchList(grace)).map(({ name }) => name)).toEqual(['aria2'])
  })
})

describe(`001 on ${databaseName}: PATCH /repos`, () => {
  test('200 with its sentence, whether there is anything new or not', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    expect(await ada.call('PATCH /repos')).toEqual({ status: 200, body: checked })
    await watch(ada)
    expect(await ada.call('PATCH /repos')).toEqual({ status: 200, body: checked })
    expect(await watchList(ada)).toEqual([asListed])
    hub.github.publish('Foundry376/Mailspring', '1.10.9', [{ name: 'new.deb', bytes: new Uint8Array(3) }])
    expect(await ada.call('PATCH /repos')).toEqual({ status: 200, body: checked })
    expect(await watchList(ada)).toMatchObject([
      { currentVersion: '1.10.8', latestVersion: '1.10.9', latestReleaseAssets: [{ name: 'new.deb' }] }
    ])
  })

  test('who adds the repo now is up to date, and those who watch it already are not', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    await watch(ada)
    hub.github.publish('Foundry376/Mailspring', '1.10.9')
    await ada.call('PATCH /repos')
    const grace = await hub.user('grace')
    await watch(grace)
    expect(await watchList(grace)).toMatchObject([{ currentVersion: '1.10.9', latestVersion: '1.10.9' }])
    expect(await watchList(ada)).toMatchObject([{ currentVersion: '1.10.8', latestVersion: '1.10.9' }])
  })

  onOneHub('asks with the ETag that it has, and takes 304 for an answer', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    await watch(ada)
    const statuses: number[] = []
    for (let n = 0; n < 2; n++) await ada.call('PATCH /repos')
    hub.github.publish('Foundry376/Mailspring', '1.10.9')
    for (let n = 0; n < 2; n++) await ada.call('PATCH /repos')
    const etags = hub.github.asked.map(({ headers }) => headers.get('if-none-match'))
    expect(etags[0]).toBeNull()
    expect(new Set(etags.slice(1, 4)).size).toBe(1)
    expect(etags[4]).not.toBe(etags[3])
    const text = await (await hub.send('GET /metrics')).text()
    for (const answer of ['release', 'unchanged'])
      statuses.push(Number(text.match(new RegExp(`^updraft_github_answers_total\\{answer="${answer}"\\} (\\d+)$`, 'm'))?.[1]))
    expect(statuses).toEqual([2, 3])
  })

  test('lists those that could not be asked, and why not', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    for (const name of ['gone', 'broken', 'well', 'odd', 'shut']) {
      hub.github.publish(`many/${name}`, '1')
      await watch(ada, { name, ownerName: 'many' })
    }
    hub.github.unpublish('many/gone')
    hub.github.publish('many/well', '2')
    const answers: Record<string, () => Response> = {
      broken: () => new Response('', { status: 500 }),
      odd: () => Response.json([]),
      shut: () => new Response('', { status: 403 })
    }
    hub.github.answer(({ path }) => answers[path.split('/')[3] ?? '']?.())
    const failed = [
      { name: 'gone', ownerName: 'many', reason: 'No releases found for this repo' },
      { name: 'broken', ownerName: 'many', reason: 'GitHub does not answer' },
      { name: 'odd', ownerName: 'many', reason: 'GitHub gave an answer that makes no sense' },
      { name: 'shut', ownerName: 'many', reason: 'GitHub refuses access to this repo' }
    ]
    expect(await ada.call('PATCH /repos')).toEqual({ status: 200, body: { ...checked, failed } })
    const versions = (await watchList(ada)).map(({ name, latestVersion }) => [name, latestVersion])
    expect(Object.fromEntries(versions)).toEqual({ gone: '1', broken: '1', well: '2', odd: '1', shut: '1' })
  })

  test('answers all who ask at once', async () => {
    await using hub = await watchingHub()
    const users = await Promise.all(['ada', 'grace', 'edith'].map((name) => hub.user(name)))
    for (const user of users) await watch(user)
    const gate = Promise.withResolvers<undefined>()
    const arrived = Promise.withResolvers<void>()
    hub.github.answer(() => {
      arrived.resolve()
      return gate.promise.then(() => Response.json({ tag_name: '1.10.9', assets: [] }))
    })
    const checks = users.map((user) => user.call('PATCH /repos'))
    const polled = hub.hub.repos.check((await hub.hub.accounts.callerOf(users[0]?.token)).id)
    await arrived.promise
    gate.resolve(undefined)
    expect(await polled).toEqual([])
    for (const answer of await Promise.all(checks)) expect(answer).toEqual({ status: 200, body: checked })
    for (const user of users) expect(await watchList(user)).toMatchObject([{ latestVersion: '1.10.9' }])
  })

  test('where GitHub hangs, the others are not asked in vain', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    for (let n = 0; n < 20; n++) {
      hub.github.publish(`many/repo-${n}`, '1')
      await watch(ada, { name: `repo-${n}`, ownerName: 'many' })
    }
    const before = hub.questions()
    hub.github.answer(() => new Response('', { status: 503 }))
    const { body } = await ada.call('PATCH /repos')
    expect((body as { failed: unknown[] }).failed).toHaveLength(20)
    expect(hub.questions() - before).toBeLessThan(8)
  })
})

describe(`001 on ${databaseName}: DELETE /repos/:id`, () => {
  test('200 with the repo as it was', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const repoId = await watch(ada)
    const [before] = await watchList(ada)
    expect(await ada.call(`DELETE /repos/${repoId}`)).toEqual({
      status: 200,
      body: { message: 'Repository successfully removed from the watch list', removedRepo: before }
    })
    expect(before).toEqual(asListed)
    expect(await watchList(ada)).toEqual([])
  })

  test('404 for what is not on the list: no such repo, another’s, removed before, or no id at all', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    const repoId = await watch(ada)
    const notFound = { status: 404, body: { message: 'Repository not found in the watch list' } }
    for (const none of [repoId, '642dc37cc80eb6212d262d78', '1', 'none', `${repoId}0`, '%F0%9F%92%A9'])
      expect(await grace.call(`DELETE /repos/${none}`)).toEqual(notFound)
    expect((await ada.call(`DELETE /repos/${repoId}`)).status).toBe(200)
    expect(await ada.call(`DELETE /repos/${repoId}`)).toEqual(notFound)
  })

  test('leaves it to the others, and takes it away with the last', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    const repoId = await watch(ada)
    await watch(grace)
    await ada.call(`DELETE /repos/${repoId}`)
    expect(await watchList(grace)).toEqual([{ ...asListed, _id: repoId }])
    expect(await hub.hub.repos.byId(repoId)).toBeDefined()
    await grace.call('DELETE /auth')
    expect(await hub.hub.repos.byId(repoId)).toBeUndefined()
    const another = await watch(ada)
    expect(another).not.toBe(repoId)
    await ada.call(`DELETE /repos/${another}`)
    expect(await hub.hub.repos.byId(another)).toBeUndefined()
  })

  test('adding and removing at once leaves nobody with a repo that is not there', async () => {
    await using hub = await watchingHub()
    const users = await Promise.all(['ada', 'grace', 'edith'].map((name) => hub.user(name)))
    const statuses: number[] = []
    const turn = async (user: (typeof users)[number]) => {
      for (let n = 0; n < 8; n++) {
        const { status, body } = await user.call('POST /repos', mailspring)
        const removed = await user.call(`DELETE /repos/${(body as { id: string }).id}`)
        statuses.push(status, removed.status)
      }
    }
    await Promise.all(users.map(turn))
    expect(statuses.filter((status) => status !== 201 && status !== 200)).toEqual([])
  })
})
