import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { testHub } from '../../support/hub.ts'
import { buildOf, latest, publish, testApplication } from '../../support/releases.ts'

const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)

async function stage() {
  const hub = await testHub()
  const ada = await hub.user('ada')
  return { hub, ada, appId: await testApplication(ada) }
}

describe(`000 on ${databaseName}: POST /applications`, () => {
  const body = { name: 'My Application', description: 'Shows the weather' }

  test('creates an application and answers its details', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect(await ada.call('POST /applications', body)).toEqual({ status: 201, body: { id: uuid, ...body } })
    expect((await ada.call('GET /ada/apps')).body).toEqual({ applications: [{ name: 'my-application' }] })
  })

  test('of the same name gets another slug', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    for (let n = 0; n < 3; n++) await testApplication(ada)
    await testApplication(ada, 'Wetter für Anfänger!')
    await testApplication(ada, '7')
    const { body: listed } = await ada.call('GET /ada/apps')
    const slugs = (listed as { applications: { name: string }[] }).applications.map(({ name }) => name)
    expect(slugs).toEqual(['app', 'my-application', 'my-application-2', 'my-application-3', 'wetter-fur-anfanger'])
  })

  test('needs a signed-in user', async () => {
    await using hub = await testHub()
    expect(await hub.call('POST /applications', body)).toEqual({
      status: 401,
      body: { message: 'Sign in first: send your token in the header access_token, or as Authorization: Bearer' }
    })
  })

  test('needs none with ANONYMOUS_APPLICATIONS=true; what is made so is the administrator’s', async () => {
    await using hub = await testHub({ env: { ANONYMOUS_APPLICATIONS: 'true' } })
    const made = await Promise.all(Array.from({ length: 5 }, () => hub.call('POST /applications', body)))
    expect(made.map(({ status }) => status)).toEqual(Array(5).fill(201))
    const root = await hub.root()
    expect((await root.call('GET /applications')).body).toMatchObject({
      applications: [1, 2, 3, 4, 5].map(() => ({ name: 'My Application', team: 'anonymous' })),
      next: null
    })
    expect((await root.call('GET /teams/anonymous/members')).body).toMatchObject({
      members: [{ username: 'admin', role: 'owner' }]
    })
    for (const { body: one } of made) expect(buildOf(await publish(root, (one as { id: string }).id)).version).toBe('1.0.0')
    const ada = await hub.user('ada')
    await testApplication(ada, 'Hers')
    expect((await ada.call('GET /ada/apps')).body).toEqual({ applications: [{ name: 'hers' }] })
    expect((await hub.as('nonsense').call('POST /applications', body)).status).toBe(401)
  })

  test('in a team that the user names', async () => {
    const { hub, ada } = await stage()
    await using _ = hub
    await ada.call('POST /teams', { name: 'acme' })
    await hub.user('eve')
    await ada.call('PUT /teams/acme/members/eve', { role: 'viewer' })
    expect((await ada.call('POST /applications', { ...body, team: 'acme' })).status).toBe(201)
    expect((await ada.call('GET /acme/apps')).body).toEqual({ applications: [{ name: 'my-application' }] })
    const eve = hub.as(await hub.signIn('eve@example.org'))
    expect(await eve.call('POST /applications', { ...body, team: 'acme' })).toEqual({
      status: 403,
      body: { message: 'As viewer of this team you may not do this' }
    })
    expect((await eve.call('POST /applications', { ...body, team: 'ada' })).status).toBe(403)
    expect((await eve.call('POST /applications', { ...body, team: 'nobody' })).status).toBe(404)
  })

  test.each([
    [{}, 'name is required'],
    [{ name: '' }, 'name is required'],
    [{ name: 5 }, 'name must be a text of 1 to 100 characters'],
    [{ name: 'x'.repeat(101) }, 'name must be a text of 1 to 100 characters'],
    [{ name: 'a', description: 5 }, 'description must be a text of at most 2000 characters']
  ])('%j is refused', async (wrong, message) => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    expect(await ada.call('POST /applications', wrong)).toEqual({ status: 400, body: { message } })
  })

  test('is one application, whichever document made it', async () => {
    const { hub, ada } = await stage()
    await using _ = hub
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    await (await hub.root()).call('POST /api/v1/applications', { name: 'Clock', slug: 'clock', team: 'ada' })
    const { body: listed } = await ada.call('GET /applications')
    const { applications } = listed as { applications: { id: string; slug: string }[] }
    expect(applications.map(({ slug }) => slug)).toEqual(['my-application', 'blinker', 'clock'])
    for (const { id } of applications) expect(buildOf(await publish(ada, id)).version).toBe('1.0.0')
    for (const { id } of applications) expect((await latest(hub, id)).version).toBe('1.0.0')
  })
})
