import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { password, testHub } from '../../support/hub.ts'

const ada = { name: 'ada', email: 'ada@example.org', password, password_confirmation: password }

describe(`003 on ${databaseName}: POST /auth`, () => {
  test('creates a user, who signs in and is in a team of that name', async () => {
    await using hub = await testHub()
    expect(await hub.call('POST /auth', ada)).toEqual({ status: 200, body: {} })
    const me = await hub.as(await hub.signIn('ADA@example.org')).call('GET /me')
    expect(me.body).toMatchObject({
      username: 'ada',
      email: 'ada@example.org',
      role: 'USER',
      teams: [{ name: 'ada', role: 'owner' }]
    })
  })

  test('takes its parameters from a form and from the query string too', async () => {
    await using hub = await testHub()
    const query = new URLSearchParams(ada).toString()
    expect(await hub.call(`POST /auth?${query}`)).toEqual({ status: 200, body: {} })
    const form = new URLSearchParams({ ...ada, name: 'grace', email: 'grace@example.org' })
    expect(await hub.call('POST /auth', undefined, { raw: form })).toEqual({ status: 200, body: {} })
  })

  test('lists every complaint', async () => {
    await using hub = await testHub()
    expect(await hub.call('POST /auth', { name: '1ada', email: 'nobody', password: 'short' })).toEqual({
      status: 422,
      body: {
        error: 'Validation failed',
        reasons: [
          'name must begin with a letter and have at most 32 letters, digits, - and _',
          'Invalid email format',
          'Password must have between 8 and 1024 characters',
          'password_confirmation is required'
        ]
      }
    })
  })

  test('refuses a confirmation that differs', async () => {
    await using hub = await testHub()
    expect(await hub.call('POST /auth', { ...ada, password_confirmation: 'something else' })).toEqual({
      status: 422,
      body: { error: 'Validation failed', reasons: ['password_confirmation does not match password'] }
    })
  })

  test('refuses a name or an email that is taken, whatever its case, and a reserved name', async () => {
    await using hub = await testHub()
    await hub.call('POST /auth', ada)
    const refused = async (change: object) => (await hub.call('POST /auth', { ...ada, ...change })).body
    expect(await refused({ name: 'ADA', email: 'other@example.org' })).toEqual({
      error: 'Account already exists',
      reasons: ['name is already taken']
    })
    expect(await refused({ name: 'grace', email: 'Ada@Example.org' })).toMatchObject({ reasons: ['email is already taken'] })
    expect(await refused({ name: 'Swagger', email: 'other@example.org' })).toMatchObject({ reasons: ['name is reserved'] })
    // What was refused took no name: the name and the email are still free together.
    expect(await hub.call('POST /auth', { ...ada, name: 'grace', email: 'grace@example.org' })).toEqual({ status: 200, body: {} })
  })

  test('nobody makes themselves an administrator', async () => {
    await using hub = await testHub()
    await hub.call('POST /auth', { ...ada, role: 'SUPER_ADMIN' })
    expect((await hub.as(await hub.signIn(ada.email)).call('GET /me')).body).toMatchObject({ role: 'USER' })
  })
})

describe(`003 on ${databaseName}: DELETE /auth`, () => {
  test('deletes the current user with all that is theirs; the token ends at once', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await ada.call('POST /ada/devices', { device_name: 'lamp', board: 'esp8266' })
    expect(await ada.call('DELETE /auth')).toEqual({ status: 200, body: {} })
    expect((await ada.call('GET /me')).status).toBe(401)
    expect((await ada.call('GET /ada/devices')).status).toBe(401)
    const again = await hub.user('ada')
    expect((await again.call('GET /ada/devices')).body).toEqual({ devices: [] })
  })

  test('needs a token', async () => {
    await using hub = await testHub()
    expect(await hub.call('DELETE /auth')).toMatchObject({ status: 401, body: { reasons: [] } })
  })

  test('is refused to the only owner of a team with other members, and ends a team without any', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    await ada.call('POST /teams', { name: 'acme' })
    await ada.call('POST /teams', { name: 'solo' })
    await ada.call('PUT /teams/acme/members/grace', { role: 'member' })
    expect(await ada.call('DELETE /auth')).toEqual({
      status: 422,
      body: { error: 'Make somebody else an owner first', reasons: ['you are the only owner of acme'] }
    })
    await ada.call('PUT /teams/acme/members/grace', { role: 'owner' })
    expect((await ada.call('DELETE /auth')).status).toBe(200)
    expect((await grace.call('GET /teams/acme/members')).body).toEqual({
      members: [{ username: 'grace', name: 'grace', role: 'owner' }]
    })
    expect((await grace.call('POST /teams', { name: 'solo' })).status).toBe(201)
  })

  test('is refused to the last SUPER_ADMIN', async () => {
    await using hub = await testHub()
    const root = await hub.root()
    expect(await root.call('DELETE /auth')).toMatchObject({
      status: 422,
      body: { error: 'The hub must keep a SUPER_ADMIN' }
    })
  })
})
