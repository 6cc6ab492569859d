import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { type Made, mine, no, nowhere, office } from '../../support/office.ts'

describe(`004 on ${databaseName}: lists`, () => {
  test('active applications, and all with include_inactive', async () => {
    await using t = await office()
    const { id } = await t.make()
    await t.make({ name: 'Other', slug: 'other' })
    await t.root.call(`DELETE /api/v1/applications/${id}`)
    const slugs = async (query: string) => (await t.list(query)).data.map(({ slug }) => slug)
    expect(await slugs('')).toEqual(['other'])
    expect(await slugs('?include_inactive=false')).toEqual(['other'])
    expect(await slugs('?include_inactive=true')).toEqual(['my-app', 'other'])
    await t.root.call(`PUT /api/v1/applications/${id}`, { isActive: true })
    expect(await slugs('')).toEqual(['my-app', 'other'])
  })

  test('by pages, whose last has no next', async () => {
    await using t = await office()
    for (let n = 1; n <= 5; n++) await t.make({ name: `Number ${n}`, slug: `number-${n}` })
    const seen: string[] = []
    let cursor = ''
    for (const size of [2, 2, 1]) {
      const { data, next } = await t.list(`?limit=2${cursor}`)
      expect([data.length, next === undefined]).toEqual([size, size === 1])
      seen.push(...data.map(({ slug }) => slug))
      cursor = `&cursor=${next}`
    }
    expect(seen).toEqual([1, 2, 3, 4, 5].map((n) => `number-${n}`))
    expect(await t.list('?limit=5')).not.toHaveProperty('next')
    for (const [query, message] of [
      ['cursor=%00', 'cursor must be the next of an earlier page'],
      ['team=%00', 'team must be the name of a team'],
      ['include_inactive=perhaps', 'include_inactive must be true or false']
    ])
      expect(await t.root.call(`GET /api/v1/applications?${query}`)).toEqual({ status: 422, body: no(message ?? '') })
    for (const limit of ['0', '1001', 'many', '-1', '1.5'])
      expect(await t.root.call(`GET /api/v1/applications?limit=${limit}`)).toEqual({
        status: 422,
        body: no('limit must be between 1 and 1000')
      })
  })
})

describe(`004 on ${databaseName}: one application through all documents`, () => {
  test('made by a team, it is listed here, under its slug as name, without a key until one is made', async () => {
    await using t = await office()
    const ada = await t.hub.user('ada')
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    const [blinker] = (await t.list()).data
    expect(blinker).toMatchObject({ name: 'blinker', slug: 'blinker', domain: null, stack: null, isActive: true, total_logs: 0 })
    const answer = await t.root.call(`POST /api/v1/applications/${blinker?.id}/regenerate-key`)
    const { apiKey } = (answer.body as { data: Made }).data
    expect(await t.hub.hub.keys.applicationOf(apiKey, '127.0.0.1')).toMatchObject({ slug: 'blinker', team: { name: 'ada' } })
  })

  test('made here, it belongs to the administrator’s own team, or to the team that is named', async () => {
    await using t = await office()
    const ada = await t.hub.user('ada')
    await t.make()
    await t.make({ ...mine, team: 'Ada' })
    expect(await t.root.call('GET /admin/apps')).toEqual({ status: 200, body: { applications: [{ name: 'my-app' }] } })
    expect(await ada.call('GET /ada/apps')).toEqual({ status: 200, body: { applications: [{ name: 'my-app' }] } })
    expect((await t.list('?team=ada')).data).toHaveLength(1)
    expect((await t.list('?team=nobody')).data).toHaveLength(0)
  })

  test('slug, key and whatever else is not an administrator’s to change stays', async () => {
    await using t = await office()
    const { id, apiKey } = await t.make()
    const { id: teamId } = await t.hub.hub.teams.named('admin')
    const forged = { id: nowhere, slug: 'stolen', apiKey: 'app_x', apiKeyHash: 'x', teamId: 'x', createdAt: 0, total_logs: 7 }
    expect(await t.root.call(`PUT /api/v1/applications/${id}`, forged)).toMatchObject({
      status: 200,
      body: { data: { id, ...mine } }
    })
    await t.make({ name: 'Forged', slug: 'forged', isActive: false, apiKeyHash: 'x', teamId: 'x' })
    expect(await t.list()).toMatchObject({
      data: [
        { id, slug: 'my-app' },
        { slug: 'forged', isActive: true }
      ]
    })
    expect(await t.hub.hub.keys.applicationOf(apiKey, '127.0.0.1')).toMatchObject({ id, team: { id: teamId } })
  })

  test('inactive, its team still has it and its devices go on', async () => {
    await using t = await office()
    const ada = await t.hub.user('ada')
    const { id, apiKey } = await t.make({ ...mine, team: 'ada' })
    const made = await ada.call('POST /ada/devices', { device_name: 'lamp', board: 'esp8266' })
    const { device_secret: secret } = made.body as { device_secret: string }
    await ada.call('POST /ada/apps/my-app/devices', { device_name: 'lamp' })
    await t.root.call(`DELETE /api/v1/applications/${id}`)
    expect(await ada.call('GET /ada/apps')).toMatchObject({ body: { applications: [{ name: 'my-app' }] } })
    const form = new FormData()
    form.set('board', 'esp8266')
    form.set('image', new Blob(['firmware']))
    expect(await ada.call('POST /apps/my-app/deployments', undefined, { raw: form })).toMatchObject({ status: 200 })
    expect((await t.hub.call(`PUT /devices/${secret}/heartbeat?status=ready`)).body).toBe('1')
    expect(t.hub.hub.keys.applicationOf(apiKey, '127.0.0.1')).rejects.toThrow('Application is inactive')
    await t.root.call(`PUT /api/v1/applications/${id}`, { isActive: true })
    expect(await t.hub.hub.keys.applicationOf(apiKey, '127.0.0.1')).toMatchObject({ id })
  })

  test('gone for good, its devices stay without an application', async () => {
    await using t = await office()
    const ada = await t.hub.user('ada')
    const { id } = await t.make({ ...mine, team: 'ada' })
    await ada.call('POST /ada/devices', { device_name: 'lamp', board: 'esp8266' })
    await ada.call('POST /ada/apps/my-app/devices', { device_name: 'lamp' })
    expect(await t.root.call(`DELETE /api/v1/applications/${id}/hard-delete`)).toMatchObject({ status: 200 })
    expect(await ada.call('GET /ada/devices')).toMatchObject({ body: { devices: [{ name: 'lamp', app: null }] } })
    expect(await ada.call('GET /ada/apps')).toEqual({ status: 200, body: { applications: [] } })
  })
})

describe(`on ${databaseName}: an API key`, () => {
  test('is nowhere but in the one answer: not in a list, an event or the log', async () => {
    await using t = await office()
    const { id, apiKey } = await t.make()
    const answer = await t.root.call(`POST /api/v1/applications/${id}/regenerate-key`)
    const renewed = (answer.body as { data: Made }).data.apiKey
    const events = await t.hub.hub.notices.after(0, { id: '', seesAll: true })
    expect(events.notices.map(({ type }) => type)).toEqual(['account.created', 'application.created', 'application.key_renewed'])
    const everywhere = [JSON.stringify(events), JSON.stringify(await t.list()), t.hub.logged()].join()
    for (const key of [apiKey, renewed]) expect(everywhere).not.toContain(key.slice(4))
  })
})
