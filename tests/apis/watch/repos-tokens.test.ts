import { describe, expect, test } from 'bun:test'
import { defaultLimits } from '../../../src/features/accounts/limits.ts'
import { onOneHub } from '../../support/balanced.ts'
import { databaseName } from '../../support/databases.ts'
import { mailspring, watch, watchingHub, watchList } from '../../support/github.ts'
import { jwtSecret } from '../../support/hub.ts'

const id = expect.stringMatching(/^[0-9a-f]{24}$/)
const added = { status: 201, body: { message: 'Repo successfully added', id } }
const noReleases = { status: 400, body: { message: 'No releases found for this repo' } }
const checked = { message: 'All repos successfully checked for update' }

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

  onOneHub('many requests at the hub’s expense are too many', async () => {
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
