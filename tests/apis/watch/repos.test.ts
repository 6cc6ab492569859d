import { describe, expect, test } from 'bun:test'
import { defaultLimits } from '../../../src/features/accounts/limits.ts'
import { databaseName } from '../../support/databases.ts'
import { mailspring, mailspringAssets, watch, watchingHub, watchList } from '../../support/github.ts'
import { jwtSecret } from '../../support/hub.ts'

const id = expect.stringMatching(/^[0-9a-f]{24}$/)
const added = { status: 201, body: { message: 'Repo successfully added', id } }
const noReleases = { status: 400, body: { message: 'No releases found for this repo' } }
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

describe(`001 on ${databaseName}: POST /repos`, () => {
  test('201 with the id of the repo', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const answer = await ada.call('POST /repos', mailspring)
    expect(answer).toEqual(added)
    expect(await watchList(ada)).toEqual([{ ...asListed, _id: (answer.body as { id: string }).id }])
  })

  test.each([
    [{}, 'Repo name is required'],
    [{ ownerName: 'Foundry376' }, 'Repo name is required'],
    [{ name: '', ownerName: '' }, 'Repo name is required'],
    [{ name: null, ownerName: 'Foundry376' }, 'Repo name is required'],
    [{ name: 'Mailspring' }, 'Repo owner name is required'],
    [{ name: 'Mailspring', ownerName: '' }, 'Repo owner name is required'],
    [{ name: '..', ownerName: 'Foundry376' }, 'Repo name must be 1 to 100 letters, digits, ., - and _'],
    [{ name: 'a/b', ownerName: 'Foundry376' }, 'Repo name must be 1 to 100 letters, digits, ., - and _'],
    [{ name: 'x'.repeat(101), ownerName: 'Foundry376' }, 'Repo name must be 1 to 100 letters, digits, ., - and _'],
    [{ name: ['Mailspring'], ownerName: 'Foundry376' }, 'Repo name must be 1 to 100 letters, digits, ., - and _'],
    [{ name: 'Mailspring', ownerName: '../user' }, 'Repo owner name must be 1 to 100 letters, digits, - and _'],
    [{ name: 'Mailspring', ownerName: 'a?b=c#d' }, 'Repo owner name must be 1 to 100 letters, digits, - and _'],
    [{ name: 'Mailspring', ownerName: 376 }, 'Repo owner name must be 1 to 100 letters, digits, - and _']
  ])('400 for %j: the first complaint, and GitHub is not asked', async (body, message) => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    expect(await ada.call('POST /repos', body)).toEqual({ status: 400, body: { message } })
    expect(hub.github.asked).toEqual([])
  })

  test('400 for a repo that is on the list already, whatever its case, without asking GitHub again', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    await watch(ada)
    const again = { name: 'MAILSPRING', ownerName: 'foundry376' }
    expect(await ada.call('POST /repos', again)).toEqual({ status: 400, body: { message: 'Repo already exists' } })
    expect(hub.questions()).toBe(1)
  })

  test('400 where there is no such repo, or no release of it; GitHub is not asked again for a while', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using hub = await watchingHub({ clock: { now: () => now } })
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    expect(await ada.call('POST /repos', aria)).toEqual(noReleases)
    expect(await grace.call('POST /repos', { name: 'ARIA2', ownerName: 'aria2' })).toEqual(noReleases)
    expect(hub.questions()).toBe(1)
    hub.github.publish('aria2/aria2', 'release-1.37.0')
    now = new Date('2026-11-20T12:01:01Z')
    expect(await ada.call('POST /repos', aria)).toEqual(added)
    expect(await watchList(ada)).toMatchObject([{ currentVersion: 'release-1.37.0', latestReleaseAssets: [] }])
  })

  test('the name is as GitHub writes it', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    await watch(ada, { name: 'mailSPRING', ownerName: 'FOUNDRY376' })
    expect(await watchList(ada)).toMatchObject([mailspring])
  })

  test('is shared by all who watch it: one id, one question', async () => {
    await using hub = await watchingHub()
    const users = await Promise.all(['ada', 'grace', 'edith', 'mary'].map((name) => hub.user(name)))
    const ids = await Promise.all(users.map((user) => watch(user)))
    expect(new Set(ids).size).toBe(1)
    expect(hub.questions()).toBe(1)
  })

  test('of many requests at once by one user, one succeeds', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const answers = await Promise.all(Array.from({ length: 20 }, () => ada.call('POST /repos', mailspring)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array.from({ length: 19 }, () => 400)])
    expect(await watchList(ada)).toHaveLength(1)
    expect(hub.questions()).toBe(1)
  })

  test('a renamed repo is the one that it has become', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    hub.github.rename('Foundry376/Mailspring', 'Getmailspring/Mailspring')
    const first = await watch(ada)
    expect(await watchList(ada)).toMatchObject([{ name: 'Mailspring', ownerName: 'Getmailspring' }])
    expect(await ada.call('POST /repos', mailspring)).toMatchObject({ body: { message: 'Repo already exists' } })
    const grace = await hub.user('grace')
    expect(await watch(grace, { name: 'Mailspring', ownerName: 'Getmailspring' })).toBe(first)
  })

  test.each([
    ['is away', () => new Response('', { status: 502 }), 503, 'GitHub does not answer'],
    ['speaks in riddles', () => new Response('<html>'), 503, 'GitHub gave an answer that makes no sense'],
    ['says no', () => Response.json({ message: 'DMCA' }, { status: 451 }), 403, 'GitHub refuses access to this repo']
  ])('where GitHub %s, nothing is added', async (_how, answer, status, message) => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    hub.github.answer(answer)
    expect(await ada.call('POST /repos', mailspring)).toEqual({ status, body: { message } })
    expect(await watchList(ada)).toEqual([])
    hub.github.answer(undefined)
    expect(await ada.call('POST /repos', mailspring)).toEqual(added)
  })

  test('503 with Retry-After where the quota is spent, and GitHub is left alone until then', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using hub = await watchingHub({ clock: { now: () => now } })
    const ada = await hub.user('ada')
    hub.github.setQuota(0, Date.parse('2026-11-20T12:20:00Z') / 1000)
    for (let n = 0; n < 3; n++) {
      const answer = await ada.send('POST /repos', mailspring)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1200'])
      expect(await answer.json()).toEqual({ message: 'GitHub answers no more requests until 2026-11-20T12:20:00.000Z' })
    }
    expect(hub.questions()).toBe(1)
    now = new Date('2026-11-20T12:20:01Z')
    hub.github.setQuota(5, Date.parse('2026-11-20T13:20:00Z') / 1000)
    expect(await ada.call('POST /repos', mailspring)).toEqual(added)
  })

  test('a list has at most 500 repos', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    for (let n = 0; n < 501; n++) hub.github.publish(`many/repo-${n}`, '1.0.0')
    for (let n = 0; n < 500; n++) await watch(ada, { name: `repo-${n}`, ownerName: 'many' })
    expect(await ada.call('POST /repos', { name: 'repo-500', ownerName: 'many' })).toEqual({
      status: 400,
      body: { message: 'A watch list has at most 500 repos' }
    })
    expect(await watchList(ada)).toHaveLength(500)
  })
})

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

  test('asks with the ETag that it has, and takes 304 for an answer', async () => {
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

  test('is one question each, however many ask at once', async () => {
    await using hub = await watchingHub()
    const users = await Promise.all(['ada', 'grace', 'edith'].map((name) => hub.user(name)))
    for (const user of users) await watch(user)
    const before = hub.questions()
    const gate = Promise.withResolvers<undefined>()
    const arrived = Promise.withResolvers<void>()
    hub.github.answer(() => {
      arrived.resolve()
      return gate.promise.then(() => Response.json({ tag_name: '1.10.9', assets: [] }))
    })
    const checks = users.map((user) => user.call('PATCH /repos'))
    const polled = hub.hub.repos.check((await hub.hub.accounts.callerOf(users[0]?.token)).id)
    await arrived.promise
    // Each has passed its sign-in and its reading once a later request of its own is answered.
    for (const user of users) await user.call('GET /repos')
    gate.resolve(undefined)
    expect(await polled).toEqual([])
    for (const answer of await Promise.all(checks)) expect(answer).toEqual({ status: 200, body: checked })
    expect(hub.questions() - before).toBe(1)
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
    expect(await watch(ada)).not.toBe(repoId)
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

describe(`001 on ${databaseName}: who asks for repos`, () => {
  test('must have signed in', async () => {
    await using hub = await watchingHub()
    const invalidToken = { status: 401, body: { message: 'Invalid token' } }
    for (const route of ['GET /repos', 'POST /repos', 'PATCH /repos', 'DELETE /repos/642dc37cc80eb6212d262d78']) {
      expect(await hub.call(route)).toEqual(invalidToken)
      expect(await hub.call(route, undefined, { headers: { access_token: 'nonsense' } })).toEqual(invalidToken)
      expect(await hub.call(route, undefined, { headers: { authorization: 'ghp_token' } })).toEqual(invalidToken)
    }
    expect(hub.github.asked).toEqual([])
  })

  test.each(['ghp_secret', 'Bearer ghp_secret', 'token ghp_secret'])(
    'Authorization: %s beside access_token goes to GitHub for that request, and nowhere else',
    async (authorization) => {
      await using hub = await watchingHub({ env: { LOG_LEVEL: 'trace' } })
      const ada = await hub.user('ada')
      hub.github.accept('ghp_secret')
      hub.github.hide('Foundry376/Mailspring')
      expect(await ada.call('POST /repos', mailspring)).toEqual(noReleases)
      expect(await ada.call('POST /repos', mailspring, { headers: { authorization } })).toEqual(added)
      hub.github.publish('Foundry376/Mailspring', '1.10.9')
      expect(await ada.call('PATCH /repos')).toMatchObject({ body: { failed: [{ reason: 'No releases found for this repo' }] } })
      expect(await ada.call('PATCH /repos', undefined, { headers: { authorization } })).toEqual({ status: 200, body: checked })
      expect(await watchList(ada)).toMatchObject([{ latestVersion: '1.10.9' }])
      const sent = hub.github.asked.map(({ headers }) => headers.get('authorization'))
      expect(sent).toEqual([null, 'Bearer ghp_secret', null, 'Bearer ghp_secret'])
      expect(hub.logged()).not.toContain('ghp_secret')
    }
  )

  test('what one may see with a token is not shown to those who may not', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const eve = await hub.user('eve')
    hub.github.accept('ghp_ada')
    hub.github.hide('Foundry376/Mailspring')
    expect(await ada.call('POST /repos', mailspring, { headers: { authorization: 'ghp_ada' } })).toEqual(added)
    expect(await eve.call('POST /repos', mailspring)).toEqual(noReleases)
    expect(await eve.call('POST /repos', mailspring, { headers: { authorization: 'ghp_eve' } })).toEqual({
      status: 400,
      body: { message: 'GitHub does not accept the access token' }
    })
    expect(await watchList(eve)).toEqual([])
    expect(await watchList(ada)).toHaveLength(1)
  })

  test('a token that GitHub does not accept is a reason, and costs the others nothing', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    await watch(ada)
    const answer = await ada.call('PATCH /repos', undefined, { headers: { authorization: 'ghp_old' } })
    expect(answer).toMatchObject({ status: 200, body: { failed: [{ reason: 'GitHub does not accept the access token' }] } })
    expect(await ada.call('PATCH /repos')).toEqual({ status: 200, body: checked })
  })

  test.each(['two words', 'a\tb', 'x'.repeat(1025), 'Bearer '])('an Authorization of %j is refused', async (given) => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const { status, body } = await ada.call('POST /repos', mailspring, { headers: { authorization: given } })
    const refused = { message: 'The GitHub access token must be a single word' }
    expect([status, body]).toEqual([400, refused])
    expect(hub.github.asked).toEqual([])
  })

  test('a token of this hub never goes to GitHub', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const headers = { authorization: `Bearer ${ada.token}` }
    expect(await ada.call('POST /repos', mailspring, { headers })).toEqual(added)
    expect(await hub.call('PATCH /repos', undefined, { headers })).toEqual({ status: 200, body: checked })
    expect(hub.github.asked.map((asked) => asked.headers.get('authorization'))).toEqual([null, null])
  })

  test('the hub’s own token is for what has none', async () => {
    await using hub = await watchingHub({ env: { GITHUB_TOKEN: 'ghp_hub' } })
    const ada = await hub.user('ada')
    for (const token of ['ghp_hub', 'ghp_ada']) hub.github.accept(token)
    await watch(ada)
    await ada.call('PATCH /repos', undefined, { headers: { authorization: 'ghp_ada' } })
    expect(hub.github.asked.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer ghp_hub', 'Bearer ghp_ada'])
    expect(hub.logged()).not.toContain(jwtSecret)
  })

  test('many requests at the hub’s expense are too many', async () => {
    const githubRequest = { points: 3, duration: 60 }
    await using hub = await watchingHub({ limits: { ...defaultLimits, githubRequest } })
    const ada = await hub.user('ada')
    await watch(ada)
    for (let n = 0; n < 2; n++) expect((await ada.call('PATCH /repos')).status).toBe(200)
    const refused = await ada.send('PATCH /repos')
    expect([refused.status, await refused.json()]).toEqual([429, { message: 'Too many attempts, try again later' }])
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
    hub.github.accept('ghp_ada')
    const own = await ada.call('PATCH /repos', undefined, { headers: { authorization: 'ghp_ada' } })
    expect(own).toEqual({ status: 200, body: checked })
  })
})
