import { describe, expect, test } from 'bun:test'
import { decodeJwt, SignJWT } from 'jose'
import { databaseName } from '../../support/databases.ts'
import { ada, avatarOf, githubUser, playSignIn } from '../../support/github-sign-in.ts'
import { jwtSecret, type TestHub, type TestUser, testHub } from '../../support/hub.ts'
import { userClient, within } from '../../support/mqtt.ts'
import { statusesOf } from '../../support/registry.ts'

const idOf = async (user: Pick<TestUser, 'call'>) => ((await user.call('GET /me')).body as { id: string }).id
const nobody = '00000000-0000-7000-8000-000000000000'

async function withAda() {
  const hub = await testHub()
  const user = await hub.user('ada')
  const id = await idOf(user)
  const makeKey = async (name: string) => {
    const { body } = await user.call(`POST /v1/users/${id}/cli-keys`, { name })
    return (body as { key: string }).key
  }
  return { hub, user, id, makeKey, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() }
}

describe(`002 on ${databaseName}: GET /v1/users/{id}`, () => {
  test('tells anybody who a user is', async () => {
    await using github = playSignIn()
    await using hub = await testHub({ env: github.env })
    const { id } = await githubUser(hub, github, ada)
    expect(await hub.call(`GET /v1/users/${id}`)).toEqual({
      status: 200,
      body: { id, name: 'Ada Lovelace', avatarUrl: avatarOf(ada) }
    })
  })

  test('of one who has registered here there is no picture', async () => {
    await using t = await withAda()
    expect(await t.hub.call(`GET /v1/users/${t.id}`)).toEqual({ status: 200, body: { id: t.id, name: 'ada', avatarUrl: null } })
  })

  test.each([nobody, 'nonsense', '%00', '%', 'x'.repeat(3000)])('404 for %j', async (id) => {
    await using hub = await testHub()
    const answer = await hub.call(`GET /v1/users/${id}`)
    expect([answer.status, Object.keys(answer.body as object)]).toEqual([404, ['message']])
  })
})

describe(`002 on ${databaseName}: CLI keys`, () => {
  test('POST makes one, which is shown once; GET and DELETE show extracts', async () => {
    await using t = await withAda()
    const path = `/v1/users/${t.id}/cli-keys`
    const made = await t.user.call(`POST ${path}`, { name: 'laptop' })
    expect(made).toEqual({ status: 201, body: { name: 'laptop', key: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) } })
    const { key } = made.body as { key: string }
    await t.makeKey('ci')
    const extract = expect.stringMatching(/^[\w-]{6}\.\.\.[\w-]{6}$/)
    expect(await t.user.call(`GET ${path}`)).toEqual({
      status: 200,
      body: {
        cliKeys: [
          { name: 'ci', key: extract },
          { name: 'laptop', key: `${key.slice(0, 6)}...${key.slice(-6)}` }
        ]
      }
    })
    expect(await t.user.call(`DELETE ${path}/laptop`)).toEqual({
      status: 200,
      body: { cliKeys: [{ name: 'ci', key: extract }] }
    })
    expect(await t.user.call(`DELETE ${path}/ci`)).toEqual({ status: 200, body: { cliKeys: [] } })
  })

  test('is a JWT with sub, name and jti, and without an end', async () => {
    await using t = await withAda()
    const key = await t.makeKey('laptop')
    expect(decodeJwt(key)).toEqual({
      iss: 'updraft-cli',
      sub: t.id,
      name: 'laptop',
      jti: expect.any(String),
      iat: expect.any(Number)
    })
  })

  test('may do all that its user may, whichever way it is sent', async () => {
    await using t = await withAda()
    const key = await t.makeKey('laptop')
    expect(await idOf(t.hub.as(key))).toBe(t.id)
    expect((await t.hub.call('GET /me', undefined, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200)
    expect((await t.hub.as(key).call('POST /ada/devices', { device_name: 'lamp', board: 'esp8266' })).status).toBe(200)
    expect((await t.hub.as(key).call(`POST /v1/users/${t.id}/cli-keys`, { name: 'second' })).status).toBe(201)
  })

  test('is refused at once after its deletion, although it was good a moment ago, and so is its MQTT connection', async () => {
    await using t = await withAda()
    const key = await t.makeKey('laptop')
    const other = await t.makeKey('other')
    await using byKey = await userClient(t.hub, { token: key })
    await using byOther = await userClient(t.hub, { token: other })
    expect((await t.hub.as(key).call('GET /me')).status).toBe(200)
    await t.user.call(`DELETE /v1/users/${t.id}/cli-keys/laptop`)
    expect((await t.hub.as(key).call('GET /me')).status).toBe(401)
    await within(byKey.closed, 'the connection to be cut')
    expect(userClient(t.hub, { token: key })).rejects.toThrow()
    expect(await byOther.subscribe(['ada/#'])).toEqual([1])
    expect((await t.hub.as(other).call('GET /me')).status).toBe(200)
  })

  test('made again under its name does not bring the deleted one back', async () => {
    await using t = await withAda()
    const key = await t.makeKey('laptop')
    await t.user.call(`DELETE /v1/users/${t.id}/cli-keys/laptop`)
    const again = await t.makeKey('laptop')
    expect((await t.hub.as(key).call('GET /me')).status).toBe(401)
    expect((await t.hub.as(again).call('GET /me')).status).toBe(200)
  })

  test('an event stream that was opened with it ends with it', async () => {
    await using t = await withAda()
    const events = await t.hub.as(await t.makeKey('laptop')).send('GET /events')
    const text = events.text()
    await t.user.call(`DELETE /v1/users/${t.id}/cli-keys/laptop`)
    expect(await within(text, 'the stream to end')).toStartWith(': connected')
  })

  test('goes with its user', async () => {
    await using t = await withAda()
    const key = await t.makeKey('laptop')
    await t.user.call('DELETE /auth')
    expect((await t.hub.as(key).call('GET /me')).status).toBe(401)
  })

  test('one that was not made here is refused, however well it is signed', async () => {
    await using t = await withAda()
    const { jti } = decodeJwt(await t.makeKey('laptop'))
    const sign = (claims: object) =>
      new SignJWT({ iss: 'updraft-cli', sub: t.id, name: 'laptop', ...claims })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuedAt()
        .sign(new TextEncoder().encode(jwtSecret))
    // Signed with the hub's own secret, which nobody has: each lacks something that is looked for in the table.
    for (const claims of [{ jti: nobody }, {}, { jti, sub: nobody }, { jti, name: 'other' }, { iss: 'updraft', jti }])
      expect([claims, (await t.hub.as(await sign(claims)).call('GET /me')).status]).toEqual([claims, 401])
  })

  test('is stored as a hash only, and never logged', async () => {
    await using t = await withAda()
    const key = await t.makeKey('laptop')
    await t.hub.as(key).call('GET /me')
    expect(t.hub.logged()).not.toContain(key)
    const { body } = await (await t.hub.root()).call('GET /api/v1/users')
    expect(JSON.stringify(body)).not.toContain(key)
  })

  test('names: 409 for one that is taken, 400 for one that is none; another user may have the same', async () => {
    await using t = await withAda()
    const path = `POST /v1/users/${t.id}/cli-keys`
    await t.makeKey('laptop')
    expect(await t.user.call(path, { name: 'laptop' })).toEqual({ status: 409, body: { message: 'CLI key already exists' } })
    expect((await t.user.call(path, { name: 'Laptop' })).status).toBe(201)
    for (const name of ['x'.repeat(101), 'a\nb', 5, '.', '..'])
      expect(await t.user.call(path, { name })).toEqual({
        status: 400,
        body: { message: 'name must be a text of 1 to 100 characters' }
      })
    for (const body of [{}, { name: '' }, { name: null }])
      expect(await t.user.call(path, body)).toEqual({ status: 400, body: { message: 'name is required' } })
    const grace = await t.hub.user('grace')
    expect((await grace.call(`POST /v1/users/${await idOf(grace)}/cli-keys`, { name: 'laptop' })).status).toBe(201)
  })

  test('any name can be deleted by its path', async () => {
    await using t = await withAda()
    const path = `/v1/users/${t.id}/cli-keys`
    for (const name of ['my laptop', 'a/b', 'ü€𝄞', '100%', 'a?b#c', 'null', '...', '.a', '%2e']) {
      await t.makeKey(name)
      expect(await t.user.call(`DELETE ${path}/${encodeURIComponent(name)}`)).toEqual({ status: 200, body: { cliKeys: [] } })
    }
    for (const name of ['ghost', '%', '%ff', '%00'])
      expect([name, (await t.user.call(`DELETE ${path}/${name}`)).status]).toEqual([name, 404])
  })

  test('of twenty keys under one name made at once there is one', async () => {
    await using t = await withAda()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => t.user.call(`POST /v1/users/${t.id}/cli-keys`, { name: 'laptop' }))
    )
    expect(statusesOf(answers)).toEqual([201, ...Array(19).fill(409)])
  })

  test('users who leave while their keys and packages are made leave nothing half done', async () => {
    await using hub = await testHub()
    const leaving = await Promise.all(Array.from({ length: 12 }, (_, n) => hub.user(`user${n}`)))
    const work = leaving.map(async (user, n) => {
      const id = await idOf(user)
      const answers = await Promise.all([
        user.call(`POST /v1/users/${id}/cli-keys`, { name: 'laptop' }),
        user.call('POST /v1/packages', { name: `package-${n}` }),
        user.call('DELETE /auth')
      ])
      return answers.map(({ status }) => status)
    })
    const statuses = (await Promise.all(work)).flat()
    expect(statuses.filter((status) => ![200, 201, 401].includes(status))).toEqual([])
    expect(hub.logged()).not.toContain('unexpected error')
  })

  test('403 for another user’s id, 401 without a token', async () => {
    await using t = await withAda()
    const eve = await t.hub.user('eve')
    await t.makeKey('laptop')
    for (const id of [t.id, nobody, 'nonsense']) {
      for (const [route, body] of routesOf(id)) {
        expect([route, await eve.call(route, body)]).toEqual([
          route,
          { status: 403, body: { message: 'These are the keys of another user' } }
        ])
      }
    }
    for (const [route, body] of routesOf(t.id)) expect(await statusOf(t.hub, route, body)).toBe(401)
    expect((await t.user.call(`GET /v1/users/${t.id}/cli-keys`)).body).toMatchObject({ cliKeys: [{ name: 'laptop' }] })
  })
})

const routesOf = (id: string): [string, object?][] => [
  [`POST /v1/users/${id}/cli-keys`, { name: 'spy' }],
  [`GET /v1/users/${id}/cli-keys`],
  [`DELETE /v1/users/${id}/cli-keys/laptop`]
]

const statusOf = async (hub: TestHub, route: string, body?: object) => (await hub.call(route, body)).status
