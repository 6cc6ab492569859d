import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { password, type TestUser, testHub } from '../../support/hub.ts'

const idOf = async (user: Pick<TestUser, 'call'>) => ((await user.call('GET /me')).body as { id: string }).id

describe(`004 on ${databaseName}: users and their roles`, () => {
  test('a SUPER_ADMIN lists users, by pages', async () => {
    await using hub = await testHub()
    const root = await hub.root()
    const ada = await hub.user('ada')
    await hub.user('grace')
    const all = await root.call('GET /api/v1/users')
    expect(all).toMatchObject({
      status: 200,
      body: { success: true, data: [{ username: 'admin' }, { username: 'ada' }, { username: 'grace' }] }
    })
    expect((all.body as { data: object[] }).data[1]).toEqual({
      id: await idOf(ada),
      username: 'ada',
      name: 'ada',
      email: 'ada@example.org',
      role: 'USER',
      createdAt: expect.stringMatching(/^20.*Z$/)
    })
    const first = (await root.call('GET /api/v1/users?limit=2')).body as { data: object[]; next: string }
    expect(first.data).toHaveLength(2)
    const last = (await root.call(`GET /api/v1/users?limit=2&cursor=${first.next}`)).body
    expect(last).toMatchObject({ data: [{ username: 'grace' }] })
    expect(last).not.toHaveProperty('next')
    expect(await root.call('GET /api/v1/users?cursor=%00')).toEqual({
      status: 422,
      body: { success: false, message: 'cursor must be the next of an earlier page' }
    })
    expect(await root.call('GET /api/v1/users?limit=0')).toEqual({
      status: 422,
      body: { success: false, message: 'limit must be between 1 and 200' }
    })
  })

  test('sets their roles, which count at once', async () => {
    await using hub = await testHub()
    const root = await hub.root()
    const ada = await hub.user('ada')
    const id = await idOf(ada)
    expect(await root.call(`PUT /api/v1/users/${id}/role`, { role: 'SUPER_ADMIN' })).toMatchObject({
      status: 200,
      body: { success: true, message: 'Role updated successfully', data: { id, username: 'ada', role: 'SUPER_ADMIN' } }
    })
    expect((await ada.call('GET /api/v1/users')).status).toBe(200)
    expect((await ada.call(`PUT /api/v1/users/${await idOf(root)}/role`, { role: 'USER' })).status).toBe(200)
    expect((await root.call('GET /api/v1/users')).status).toBe(403)
  })

  test('the last SUPER_ADMIN stays one, of two who resign at once too', async () => {
    await using hub = await testHub()
    const root = await hub.root()
    const ada = await hub.user('ada')
    const ids = [await idOf(root), await idOf(ada)]
    const refusal = { status: 422, body: { success: false, message: 'The hub must keep a SUPER_ADMIN' } }
    expect(await root.call(`PUT /api/v1/users/${ids[0]}/role`, { role: 'AUDITOR' })).toEqual(refusal)
    await root.call(`PUT /api/v1/users/${ids[1]}/role`, { role: 'SUPER_ADMIN' })
    const resigned = await Promise.all(
      [root, ada].map((admin, i) => admin.call(`PUT /api/v1/users/${ids[i]}/role`, { role: 'USER' }))
    )
    expect(resigned.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 422])
  })

  test('nobody signs up in a role of their own choice', async () => {
    await using hub = await testHub()
    const chosen = { role: 'SUPER_ADMIN', isAdmin: true, roles: ['SUPER_ADMIN'] }
    const grace = { email: 'grace@example.org', password }
    expect((await hub.call('POST /register', { ...grace, ...chosen })).status).toBe(201)
    const eve = { name: 'eve', email: 'eve@example.org', password, password_confirmation: password }
    expect((await hub.call('POST /auth?role=SUPER_ADMIN', { ...eve, ...chosen })).status).toBe(200)
    for (const { email } of [grace, eve]) {
      const user = hub.as(await hub.signIn(email))
      expect((await user.call('GET /me')).body).toMatchObject({ email, role: 'USER' })
      expect((await user.call('GET /api/v1/users')).status).toBe(403)
      expect((await user.call('GET /api/v1/applications')).status).toBe(403)
    }
  })

  test('says what is wrong, in the document’s sentences', async () => {
    await using hub = await testHub()
    const root = await hub.root()
    const ada = await hub.user('ada')
    const no = (message: string) => ({ success: false, message })
    expect(await hub.call('GET /api/v1/users')).toEqual({
      status: 401,
      body: no('Authentication required. Provide token via Authorization header')
    })
    expect(await ada.call('GET /api/v1/users')).toEqual({ status: 403, body: no('Access denied. SUPER_ADMIN role required') })
    expect(await ada.call(`PUT /api/v1/users/${await idOf(ada)}/role`, { role: 'SUPER_ADMIN' })).toMatchObject({ status: 403 })
    expect(await root.call(`PUT /api/v1/users/${await idOf(ada)}/role`, {})).toEqual({
      status: 422,
      body: no('role is required')
    })
    expect(await root.call(`PUT /api/v1/users/${await idOf(ada)}/role`, { role: 'KING' })).toEqual({
      status: 422,
      body: no('role must be USER, AUDITOR, SUPER_ADMIN')
    })
    for (const id of ['none', '00000000-0000-7000-8000-000000000000', "'"]) {
      expect(await root.call(`PUT /api/v1/users/${id}/role`, { role: 'USER' })).toEqual({
        status: 404,
        body: no('User not found')
      })
    }
  })

  test('an AUDITOR sees all events, from the next turn on', async () => {
    await using hub = await testHub()
    const root = await hub.root()
    const ada = await hub.user('ada')
    await hub.user('grace')
    const firstEvent = async () => {
      const response = await ada.send('GET /events?after=0')
      const reader = (response.body as ReadableStream<Uint8Array>).getReader()
      const text = new TextDecoder().decode((await reader.read()).value)
      await reader.cancel()
      return text
    }
    expect(await firstEvent()).not.toContain('"username":"grace"')
    await root.call(`PUT /api/v1/users/${await idOf(ada)}/role`, { role: 'AUDITOR' })
    expect(await firstEvent()).toContain('"username":"grace"')
  })
})
