import { describe, expect, test } from 'bun:test'
import { hubsPerTest } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { mailspring, mailspringAssets, watch, watchingHub, watchList } from '../../support/github.ts'

const id = expect.stringMatching(/^[0-9a-f]{24}$/)
const added = { status: 201, body: { message: 'Repo successfully added', id } }
const noReleases = { status: 400, body: { message: 'No releases found for this repo' } }
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
    expect(hub.questions()).toBeWithin(1, hubsPerTest + 1)
  })

  test('400 where there is no such repo, or no release of it; GitHub is not asked again for a while', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using hub = await watchingHub({ clock: { now: () => now } })
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    expect(await ada.call('POST /repos', aria)).toEqual(noReleases)
    expect(await grace.call('POST /repos', { name: 'ARIA2', ownerName: 'aria2' })).toEqual(noReleases)
    expect(hub.questions()).toBeWithin(1, hubsPerTest + 1)
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
    expect(hub.questions()).toBeWithin(1, hubsPerTest + 1)
  })

  test('of many requests at once by one user, one succeeds', async () => {
    await using hub = await watchingHub()
    const ada = await hub.user('ada')
    const answers = await Promise.all(Array.from({ length: 20 }, () => ada.call('POST /repos', mailspring)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19)
    expect(await watchList(ada)).toHaveLength(1)
    expect(hub.questions()).toBeWithin(1, hubsPerTest + 1)
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
    expect(hub.questions()).toBeWithin(1, hubsPerTest + 1)
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
