import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { testHub } from '../../support/hub.ts'
import { buildOf, latest, linux, publish, runningOf, testApplication, windows } from '../../support/releases.ts'

async function stage() {
  const hub = await testHub()
  const ada = await hub.user('ada')
  return { hub, ada, appId: await testApplication(ada) }
}

describe(`000 on ${databaseName}: POST /applications/latest-version`, () => {
  test('answers build_id, version, url and update_required', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const { build_id } = buildOf(await publish(ada, appId, { version: '1.2.0' }))
    const asked = { client_id: crypto.randomUUID(), app_id: appId, current_running_version: '1.0.0', architecture: linux }
    expect(await hub.call('POST /applications/latest-version', asked)).toEqual({
      status: 200,
      body: {
        build_id,
        version: '1.2.0',
        url: `${hub.base}/downloads/${build_id}/my-application_1.2.0`,
        update_required: true
      }
    })
  })

  test.each([
    ['0.0.0', true],
    ['1.1.9', true],
    ['1.2.0-rc.1', true],
    ['1.2.0', false],
    ['1.2.0+another', false],
    ['1.3.0-alpha', false],
    ['2.0.0', false]
  ])('with 1.2.0 as the latest, update_required for %s is %p', async (version, required) => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId, { version: '1.2.0' })
    expect((await latest(hub, appId, { version })).update_required).toBe(required)
  })

  test('the latest is the highest by precedence, of those that are not withdrawn, for the architecture', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const builds = new Map<string, string>()
    for (const version of ['1.9.0', '1.10.0', '1.2.0', '2.0.0-rc.2', '2.0.0-rc.11', '2.0.0', '2.0.0-rc.9', '0.1.0+build.7'])
      builds.set(version, buildOf(await publish(ada, appId, { version })).build_id)
    await publish(ada, appId, { version: '9.0.0', architecture: windows })
    const setDisabled = (version: string, disabled: boolean) =>
      ada.call(`PATCH /applications/${appId}/builds/${builds.get(version)}`, { disabled })
    const versions: string[] = []
    for (const version of ['2.0.0', '2.0.0-rc.11', '2.0.0-rc.9', '2.0.0-rc.2', '1.10.0', '1.9.0', '1.2.0']) {
      versions.push((await latest(hub, appId)).version)
      expect(await setDisabled(version, true)).toMatchObject({ status: 200, body: { version, disabled: true } })
    }
    expect(versions).toEqual(['2.0.0', '2.0.0-rc.11', '2.0.0-rc.9', '2.0.0-rc.2', '1.10.0', '1.9.0', '1.2.0'])
    expect(await latest(hub, appId)).toMatchObject({
      version: '0.1.0+build.7',
      url: expect.stringMatching(/_0\.1\.0\+build\.7$/)
    })
    await setDisabled('2.0.0-rc.11', false)
    expect((await latest(hub, appId)).version).toBe('2.0.0-rc.11')
    expect((await latest(hub, appId, { architecture: windows })).version).toBe('9.0.0')
  })

  test('a build that was published by url answers that url as it is', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const url = 'https://user:x@cdn.example.org/a%20b/Program_1.0.0.exe?sig=ä#part'
    await publish(ada, appId, { url })
    expect((await latest(hub, appId)).url).toBe(url)
  })

  test('links begin with PUBLIC_URL where it is set', async () => {
    await using hub = await testHub({ env: { PUBLIC_URL: 'https://hub.example.org/' } })
    const ada = await hub.user('ada')
    const appId = await testApplication(ada)
    const { build_id, url } = buildOf(await publish(ada, appId))
    expect(url).toBe(`https://hub.example.org/downloads/${build_id}/my-application_1.0.0`)
    expect((await latest(hub, appId)).url).toBe(url)
  })

  test('404 for an unknown application, a malformed id, and one without a build for the architecture', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId)
    const asked = (changes: object) => hub.call('POST /applications/latest-version', { ...runningOf(appId), ...changes })
    for (const app_id of [crypto.randomUUID(), 'my-application', '', '../x', "' or 1=1"])
      expect(await asked({ app_id })).toEqual({ status: 404, body: { message: 'Application not found' } })
    expect(await asked({ architecture: windows })).toEqual({ status: 404, body: { message: 'No build for this architecture' } })
  })

  test.each([
    [{ current_running_version: '1' }, 'current_running_version must be a version (Semantic Versioning 2.0.0)'],
    [{ current_running_version: 'v1.0.0' }, 'current_running_version must be a version (Semantic Versioning 2.0.0)'],
    [{ current_running_version: '01.0.0' }, 'current_running_version must be a version (Semantic Versioning 2.0.0)'],
    [{ current_running_version: null }, 'current_running_version must be a version (Semantic Versioning 2.0.0)'],
    [{ current_running_version: undefined }, 'current_running_version is required'],
    [{ architecture: 'arm64' }, `architecture must be ${windows} or ${linux}`],
    [{ architecture: undefined }, 'architecture is required'],
    [{ client_id: 'me' }, 'client_id must be a UUID'],
    [{ client_id: undefined }, 'client_id is required'],
    [{ app_id: undefined }, 'app_id is required'],
    [{ app_id: 5 }, 'app_id must be a UUID']
  ])('%j is 400', async (changes, message) => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId)
    for (const route of ['/applications/latest-version', '/builds/success', '/builds/failure'])
      expect(await hub.call(`POST ${route}`, { ...runningOf(appId), ...changes })).toEqual({ status: 400, body: { message } })
  })

  test('a body that is no JSON object is 400, one over 64 KiB is 413', async () => {
    await using hub = await testHub()
    const ask = (raw: string) =>
      hub.call('POST /applications/latest-version', undefined, { raw, headers: { 'content-type': 'application/json' } })
    for (const raw of ['{', '[]', 'null', '"x"']) expect((await ask(raw)).status).toBe(400)
    expect(await ask('')).toEqual({ status: 400, body: { message: 'client_id is required' } })
    expect((await ask(JSON.stringify({ client_id: 'x'.repeat(70_000) }))).status).toBe(413)
  })

  test('is answered alike by the route in front of Elysia and by Elysia’s own', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId)
    const asked = runningOf(appId)
    const bodies = [
      asked,
      { ...asked, app_id: 'x' },
      { ...asked, architecture: 'arm64' },
      { ...asked, app_id: 'a\0b' },
      [],
      'x',
      null
    ]
    for (const body of bodies) {
      const answers = await Promise.all(
        ['', '/', '?x=1', '?app_id=x'].map(async (ending) => {
          const response = await fetch(`${hub.base}/applications/latest-version${ending}`, {
            method: 'POST',
            body: JSON.stringify(body),
            headers: { 'content-type': 'application/json' }
          })
          return [response.status, response.headers.get('content-type')?.split(';')[0], await response.json()]
        })
      )
      expect(answers).toEqual(Array(4).fill(answers[0]))
    }
  })

  test('takes a form as well', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId)
    const raw = new URLSearchParams(runningOf(appId))
    expect(await hub.call('POST /applications/latest-version', undefined, { raw })).toMatchObject({
      status: 200,
      body: { version: '1.0.0' }
    })
  })
})
