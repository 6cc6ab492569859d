import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { testHub } from '../../support/hub.ts'

describe(`teams on ${databaseName}`, () => {
  test('GET /me says who one is', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await ada.call('POST /teams', { name: 'acme' })
    expect(await ada.call('GET /me')).toEqual({
      status: 200,
      body: {
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
        username: 'ada',
        name: 'ada',
        email: 'ada@example.org',
        role: 'USER',
        teams: [
          { name: 'acme', role: 'owner' },
          { name: 'ada', role: 'owner' }
        ]
      }
    })
    expect((await (await hub.root()).call('GET /me')).body).toMatchObject({ username: 'admin', role: 'SUPER_ADMIN' })
  })

  test('are made, listed, shared and deleted', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    expect(await ada.call('POST /teams', { name: 'acme' })).toEqual({ status: 201, body: { name: 'acme', role: 'owner' } })
    expect(await ada.call('PUT /teams/acme/members/Grace', { role: 'viewer' })).toEqual({
      status: 200,
      body: { username: 'grace', role: 'viewer' }
    })
    expect((await grace.call('GET /teams')).body).toEqual({
      teams: [
        { name: 'acme', role: 'viewer' },
        { name: 'grace', role: 'owner' }
      ]
    })
    expect((await grace.call('GET /teams/acme/members')).body).toEqual({
      members: [
        { username: 'ada', name: 'ada', role: 'owner' },
        { username: 'grace', name: 'grace', role: 'viewer' }
      ]
    })
    expect(await ada.call('DELETE /teams/acme/members/grace')).toEqual({ status: 200, body: {} })
    expect((await grace.call('GET /teams/acme/members')).status).toBe(403)
    expect(await ada.call('DELETE /teams/acme')).toEqual({ status: 200, body: {} })
    expect((await ada.call('GET /teams/acme/members')).status).toBe(404)
  })

  test('a viewer only reads, a member works, an owner decides who is in', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    await hub.user('eve')
    await ada.call('POST /teams', { name: 'acme' })
    const lamp = { device_name: 'lamp', board: 'esp8266' }
    const tries = async () => [
      (await grace.call('GET /acme/devices')).status,
      (await grace.call('POST /acme/devices', lamp)).status,
      (await grace.call('PUT /teams/acme/members/eve', { role: 'viewer' })).status
    ]
    expect(await tries()).toEqual([403, 403, 403])
    await ada.call('PUT /teams/acme/members/grace', { role: 'viewer' })
    expect(await tries()).toEqual([200, 403, 403])
    await ada.call('PUT /teams/acme/members/grace', { role: 'member' })
    expect(await tries()).toEqual([200, 200, 403])
    await ada.call('PUT /teams/acme/members/grace', { role: 'owner' })
    expect(await tries()).toEqual([200, 422, 200])
  })

  test('keep an owner; anybody may leave; a user’s own team keeps its user', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const grace = await hub.user('grace')
    await ada.call('POST /teams', { name: 'acme' })
    await ada.call('PUT /teams/acme/members/grace', { role: 'member' })
    const refusal = { status: 400, body: { message: 'A team must keep an owner' } }
    expect(await ada.call('PUT /teams/acme/members/ada', { role: 'member' })).toEqual(refusal)
    expect(await ada.call('DELETE /teams/acme/members/ada')).toEqual(refusal)
    expect((await grace.call('DELETE /teams/acme/members/grace')).status).toBe(200)
    await ada.call('PUT /teams/ada/members/grace', { role: 'owner' })
    expect((await grace.call('DELETE /teams/ada/members/ada')).status).toBe(400)
    expect((await grace.call('PUT /teams/ada/members/ada', { role: 'viewer' })).status).toBe(400)
    expect((await ada.call('DELETE /teams/ada')).status).toBe(400)
  })

  test('say what is wrong', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await ada.call('POST /teams', { name: 'acme' })
    const answer = async (route: string, body?: object) => {
      const { status, body: said } = await ada.call(route, body)
      return [status, (said as { message: string }).message]
    }
    expect(await answer('POST /teams', {})).toEqual([400, 'name is required'])
    expect(await answer('POST /teams', { name: 'a b' })).toEqual([
      400,
      'name must begin with a letter and have at most 32 letters, digits, - and _'
    ])
    expect(await answer('POST /teams', { name: 'ACME' })).toEqual([409, 'Team already exists'])
    expect(await answer('POST /teams', { name: 'Ada' })).toEqual([409, 'Team already exists'])
    expect(await answer('POST /teams', { name: 'devices' })).toEqual([409, 'Team name is reserved'])
    expect(await answer('PUT /teams/acme/members/ada', { role: 'king' })).toEqual([400, 'role must be owner, member, viewer'])
    expect(await answer('PUT /teams/acme/members/nobody', { role: 'member' })).toEqual([404, 'User not found'])
    expect(await answer('DELETE /teams/acme/members/admin')).toEqual([404, 'Member not found'])
    expect(await answer('GET /teams/ghost/members')).toEqual([404, 'Team not found'])
  })
})
