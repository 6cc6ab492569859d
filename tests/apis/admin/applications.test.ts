import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { testHub } from '../../support/hub.ts'
import { auditorOf, type Made, mine, no, nowhere, office } from '../../support/office.ts'

const anyId = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/)
const anyKey = expect.stringMatching(/^app_[0-9A-Za-z]{32}$/)
const anyTime = expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

describe(`004 on ${databaseName}: applications, as the document has them`, () => {
  test('1. Create Application', async () => {
    await using t = await office()
    expect(await t.root.call('POST /api/v1/applications', mine)).toEqual({
      status: 201,
      body: {
        success: true,
        message: 'Application created successfully',
        data: { id: anyId, name: 'My Application', slug: 'my-app', apiKey: anyKey }
      }
    })
  })

  test('2. Get All Applications', async () => {
    await using t = await office()
    const { id } = await t.make()
    expect(await t.root.call('GET /api/v1/applications')).toEqual({
      status: 200,
      body: {
        success: true,
        data: [{ ...mine, id, isActive: true, createdAt: anyTime, updatedAt: anyTime, total_logs: 0 }]
      }
    })
  })

  test('3. Get Application by ID', async () => {
    await using t = await office()
    const { id } = await t.make({ name: 'Bare', slug: 'bare' })
    const answer = await t.root.call(`GET /api/v1/applications/${id}`)
    expect(answer).toEqual({
      status: 200,
      body: {
        success: true,
        data: {
          id,
          name: 'Bare',
          slug: 'bare',
          domain: null,
          stack: null,
          isActive: true,
          createdAt: anyTime,
          updatedAt: anyTime,
          total_logs: 0
        }
      }
    })
    const { data } = answer.body as { data: Record<string, string> }
    expect(data.updatedAt).toBe(data.createdAt)
  })

  test('4. Update Application', async () => {
    await using t = await office()
    const { id, apiKey } = await t.make()
    const updated = { name: 'Updated App Name', domain: 'newdomain.com', stack: 'python', isActive: true }
    expect(await t.root.call(`PUT /api/v1/applications/${id}`, updated)).toEqual({
      status: 200,
      body: {
        success: true,
        message: 'Application updated successfully',
        data: { ...updated, id, slug: 'my-app', createdAt: anyTime, updatedAt: anyTime }
      }
    })
    expect(await t.root.call(`PUT /api/v1/applications/${id}`, { domain: null, stack: '' })).toMatchObject({
      body: { data: { name: 'Updated App Name', domain: null, stack: null } }
    })
    expect(await t.hub.hub.keys.applicationOf(apiKey, '127.0.0.1')).toMatchObject({ id, slug: 'my-app' })
  })

  test('5. Soft Delete Application', async () => {
    await using t = await office()
    const { id } = await t.make()
    const deleted = { status: 200, body: { success: true, message: 'Application "My Application" deleted successfully' } }
    expect(await t.root.call(`DELETE /api/v1/applications/${id}`)).toEqual(deleted)
    expect(await t.root.call(`DELETE /api/v1/applications/${id}`)).toEqual(deleted)
    expect((await t.root.call(`GET /api/v1/applications/${id}`)).body).toMatchObject({ data: { isActive: false } })
  })

  test('6. Hard Delete Application', async () => {
    await using t = await office()
    const { id } = await t.make()
    expect(await t.root.call(`DELETE /api/v1/applications/${id}/hard-delete`)).toEqual({
      status: 200,
      body: { success: true, message: 'Application "My Application" permanently deleted' }
    })
    expect(await t.root.call(`GET /api/v1/applications/${id}`)).toEqual({ status: 404, body: no('Application not found') })
  })

  test('7. Regenerate API Key', async () => {
    await using t = await office()
    const { id, apiKey } = await t.make()
    const answer = await t.root.call(`POST /api/v1/applications/${id}/regenerate-key`)
    expect(answer).toEqual({
      status: 200,
      body: {
        success: true,
        message: 'API Key regenerated successfully',
        data: { id, name: 'My Application', slug: 'my-app', apiKey: anyKey }
      }
    })
    const renewed = (answer.body as { data: Made }).data.apiKey
    expect(renewed).not.toBe(apiKey)
    expect(t.hub.hub.keys.applicationOf(apiKey, '127.0.0.1')).rejects.toThrow('Invalid API key')
    expect(await t.hub.hub.keys.applicationOf(renewed, '127.0.0.1')).toMatchObject({ id })
  })
})

const reading = ['GET /api/v1/applications', `GET /api/v1/applications/${nowhere}`]
const changing: [string, object?][] = [
  ['POST /api/v1/applications', mine],
  ['POST /api/v1/applications', {}],
  [`PUT /api/v1/applications/${nowhere}`, { name: 7 }],
  [`DELETE /api/v1/applications/${nowhere}`],
  [`DELETE /api/v1/applications/${nowhere}/hard-delete?force=perhaps`],
  [`POST /api/v1/applications/${nowhere}/regenerate-key`]
]

describe(`004 on ${databaseName}: how it says no`, () => {
  test('401 without a token, whatever was sent', async () => {
    await using hub = await testHub()
    const refusal = { status: 401, body: no('Authentication required. Provide token via Authorization header') }
    for (const [route, body] of [...reading.map((route) => [route] as const), ...changing])
      expect([route, await hub.call(route, body)]).toEqual([route, refusal])
  })

  test('403 for a user, whatever was sent', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const says = (message: string) => ({ status: 403, body: no(message) })
    for (const route of [...reading, 'GET /api/v1/applications?limit=0'])
      expect([route, await ada.call(route)]).toEqual([route, says('Access denied. AUDITOR or SUPER_ADMIN role required')])
    for (const [route, body] of changing)
      expect([route, await ada.call(route, body)]).toEqual([route, says('Access denied. SUPER_ADMIN role required')])
  })

  test('an AUDITOR reads, and changes nothing', async () => {
    await using t = await office()
    const { id } = await t.make()
    const auditor = await auditorOf(t.hub)
    expect(await auditor.call('GET /api/v1/applications')).toMatchObject({ status: 200, body: { data: [{ id }] } })
    expect(await auditor.call(`GET /api/v1/applications/${id}`)).toMatchObject({ status: 200, body: { data: { id } } })
    for (const [route, body] of changing) {
      const refusal = { status: 403, body: no('Access denied. SUPER_ADMIN role required') }
      expect([route, await auditor.call(route.replace(nowhere, id), body)]).toEqual([route, refusal])
    }
    expect(await t.list()).toMatchObject({ data: [{ id, name: 'My Application' }] })
  })

  test('404 for an application that is not there, and for what is no id', async () => {
    await using t = await office()
    for (const id of [nowhere, '7', "'", '%F0%9F%92%A9', 'x'.repeat(3000)]) {
      for (const [route, body] of [...reading.slice(1).map((route) => [route] as const), ...changing.slice(3)]) {
        const asked = route.replace(nowhere, id).replace('?force=perhaps', '?force=true')
        expect([asked, await t.root.call(asked, body)]).toEqual([asked, { status: 404, body: no('Application not found') }])
      }
    }
    expect(await t.root.call(`PUT /api/v1/applications/${nowhere}`, {})).toMatchObject({ status: 404 })
    expect(await t.root.call('POST /api/v1/applications', { ...mine, team: 'nobody' })).toEqual({
      status: 404,
      body: no('Team not found')
    })
  })

  test.each([
    [{}, 'name and slug are required'],
    [{ name: 'My Application' }, 'name and slug are required'],
    [{ slug: 'my-app' }, 'name and slug are required'],
    [{ ...mine, name: '' }, 'name and slug are required'],
    [{ ...mine, slug: '' }, 'name and slug are required'],
    [{ ...mine, slug: null }, 'name and slug are required'],
    [{ ...mine, name: 'x'.repeat(101) }, 'name must be a text of 1 to 100 characters'],
    [{ ...mine, name: 7 }, 'name must be a text of 1 to 100 characters'],
    [{ ...mine, slug: '../x' }, 'slug must begin with a letter and have at most 64 letters, digits, - and _'],
    [{ ...mine, slug: 'x'.repeat(65) }, 'slug must begin with a letter and have at most 64 letters, digits, - and _'],
    [{ ...mine, domain: 7 }, 'domain must be null or a text of at most 255 characters'],
    [{ ...mine, stack: 'a\u0001b' }, 'stack must be null or a text of at most 255 characters'],
    [{ ...mine, name: 'a\u0000b' }, 'The input must not contain NUL characters']
  ])('422 for %j', async (body, message) => {
    await using t = await office()
    expect(await t.root.call('POST /api/v1/applications', body)).toEqual({ status: 422, body: no(message) })
    expect(await t.list()).toMatchObject({ data: [] })
  })

  test('422 for a change that makes no sense, which changes nothing', async () => {
    await using t = await office()
    const { id } = await t.make()
    for (const [body, message] of [
      [{ name: '' }, 'name must be a text of 1 to 100 characters'],
      [{ name: 'Other', isActive: 'perhaps' }, 'isActive must be true or false'],
      [{ name: 'Other', domain: {} }, 'domain must be null or a text of at most 255 characters']
    ] as const)
      expect(await t.root.call(`PUT /api/v1/applications/${id}`, body)).toEqual({ status: 422, body: no(message) })
    expect(await t.list()).toMatchObject({ data: [{ name: 'My Application', domain: 'myapp.com' }] })
    expect(await t.root.call(`DELETE /api/v1/applications/${id}/hard-delete?force=perhaps`)).toEqual({
      status: 422,
      body: no('force must be true or false')
    })
  })

  test('409 for a slug that the team has already', async () => {
    await using t = await office()
    await t.make()
    const taken = { status: 409, body: no('Application already exists') }
    expect(await t.root.call('POST /api/v1/applications', { ...mine, name: 'Another' })).toEqual(taken)
    const both = await Promise.all([1, 2].map(() => t.root.call('POST /api/v1/applications', { name: 'Twin', slug: 'twin' })))
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409])
  })
})
