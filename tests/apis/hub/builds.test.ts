import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { databaseName } from '../../support/databases.ts'
import { type TestHub, type TestUser, testHub } from '../../support/hub.ts'
import { buildForm, buildOf, buildsOf, latest, linux, publish, testApplication, windows } from '../../support/releases.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

async function stage(env: Record<string, string> = {}) {
  const hub = await testHub({ env })
  const ada = await hub.user('ada')
  return { hub, ada, appId: await testApplication(ada) }
}

const stored = async (hub: TestHub) => (await hub.stored()).length

describe(`on ${databaseName}: POST /applications/<id>/builds`, () => {
  test('publishes an upload, as a form', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const answer = await publish(ada, appId, { version: '1.2.0', notes: 'It no longer rains indoors' }, bytes('a program'))
    const { build_id } = buildOf(answer)
    expect(answer).toEqual({
      status: 201,
      body: {
        build_id,
        version: '1.2.0',
        architecture: linux,
        url: `${hub.base}/downloads/${build_id}/my-application_1.2.0`,
        notes: 'It no longer rains indoors',
        size: 9,
        sha256: sha256('a program'),
        disabled: false,
        success_count: 0,
        failure_count: 0,
        created_at: expect.stringMatching(/^20.*Z$/)
      }
    })
    expect(await hub.call(`GET /downloads/${build_id}/my-application_1.2.0`)).toEqual({ status: 200, body: 'a program' })
  })

  test('publishes the bytes themselves, with the fields in the query string', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const answer = await ada.call(`POST /applications/${appId}/builds?version=1.0.0&architecture=${windows}`, undefined, {
      raw: bytes('MZ'),
      headers: { 'content-type': 'application/octet-stream' }
    })
    expect(answer).toMatchObject({ status: 201, body: { version: '1.0.0', architecture: windows, size: 2, notes: null } })
  })

  test('publishes by URL, as a form with and without parts and as JSON', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const url = 'https://cdn.example.org/program_1.exe'
    const fields = { architecture: linux, url }
    const published = [
      await publish(ada, appId, { version: '1.0.0', url }),
      await ada.call(`POST /applications/${appId}/builds`, { version: '1.0.1', ...fields }),
      await ada.call(`POST /applications/${appId}/builds`, undefined, {
        raw: new URLSearchParams({ version: '1.0.2', ...fields })
      })
    ]
    for (const answer of published) expect(answer).toMatchObject({ status: 201, body: { url, size: null, sha256: null } })
    expect(await latest(hub, appId)).toMatchObject({ version: '1.0.2', url })
    const { build_id } = await latest(hub, appId)
    expect((await hub.call(`GET /downloads/${build_id}/my-application_1.0.2`)).status).toBe(404)
  })

  test('a version is published once for an architecture, withdrawn or not, whatever its build metadata', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const refused = { status: 409, body: { message: 'Build already exists' } }
    const { build_id } = buildOf(await publish(ada, appId, { version: '1.0.0+1' }))
    expect(await publish(ada, appId, { version: '1.0.0+1' })).toEqual(refused)
    expect(await publish(ada, appId, { version: '1.0.0' })).toEqual(refused)
    expect(await publish(ada, appId, { version: '1.0.0', url: 'https://example.org/x' })).toEqual(refused)
    await ada.call(`PATCH /applications/${appId}/builds/${build_id}`, { disabled: true })
    expect(await publish(ada, appId, { version: '1.0.0+2' })).toEqual(refused)
    expect((await publish(ada, appId, { version: '1.0.0', architecture: windows })).status).toBe(201)
    expect((await publish(ada, appId, { version: '1.0.0-rc.1' })).status).toBe(201)
    expect((await publish(ada, await testApplication(ada, 'Other'), { version: '1.0.0' })).status).toBe(201)
  })

  test('of 50 publishers of one version one wins, with its bytes', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => publish(ada, appId, { version: `1.0.0+${n}` }, bytes(`program ${n}`)))
    )
    const won = answers.filter(({ status }) => status === 201)
    expect([won.length, answers.filter(({ status }) => status === 409).length]).toEqual([1, 49])
    const { version, url } = await latest(hub, appId)
    expect(buildOf(won[0] ?? answers[0] ?? { status: 0, body: '' }).version).toBe(version)
    expect(await (await fetch(url)).text()).toBe(`program ${version.split('+')[1]}`)
    expect(await buildsOf(ada, appId)).toHaveLength(1)
  })

  const wrong: [string, Parameters<typeof buildForm>, string][] = [
    ['no version', [{ version: '' }, bytes('x')], 'version is required'],
    ['a version that is none', [{ version: '1.0' }, bytes('x')], 'version must be a version (Semantic Versioning 2.0.0)'],
    [
      'a version with a path in it',
      [{ version: '1.0.0-../x' }, bytes('x')],
      'version must be a version (Semantic Versioning 2.0.0)'
    ],
    ['an architecture that is none', [{ architecture: 'arm64' }, bytes('x')], `architecture must be ${windows} or ${linux}`],
    ['neither file nor URL', [{}], 'file or url is required'],
    ['an empty file', [{}, bytes('')], 'file is empty'],
    ['both', [{ url: 'https://example.org/x' }, bytes('x')], 'Give either file or url'],
    ['too long notes', [{ notes: 'x'.repeat(4001) }, bytes('x')], 'notes must be a text of at most 4000 characters'],
    ...[
      'ftp://example.org/x',
      'file:///etc/passwd',
      'javascript:alert(1)',
      '//example.org',
      'https://',
      'http://[',
      'https://a b'
    ].map((url): [string, Parameters<typeof buildForm>, string] => [
      `the URL ${url}`,
      [{ url }],
      'url must be an http or https URL'
    ])
  ]

  test.each(wrong)('%s is refused, and leaves nothing', async (_name, given, message) => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const answer = await ada.call(`POST /applications/${appId}/builds`, undefined, { raw: buildForm(...given) })
    expect(answer).toEqual({ status: 400, body: { message } })
    expect([await buildsOf(ada, appId), await stored(hub)]).toEqual([[], 0])
  })

  test('what is wrong with bytes sent bare is said before they are received', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    await publish(ada, appId)
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(1024))
      })
    const send = (query: string) =>
      ada.call(`POST /applications/${appId}/builds?${query}`, undefined, {
        raw: endless(),
        headers: { 'content-type': 'application/octet-stream' }
      })
    expect((await send(`version=1.0.0&architecture=${linux}`)).status).toBe(409)
    expect((await send('version=1.0.0&architecture=arm64')).status).toBe(400)
  })

  test('a build over BUILD_MAX_BYTES is 413, said or not, and leaves nothing', async () => {
    const { hub, ada, appId } = await stage({ BUILD_MAX_BYTES: '1k' })
    await using _ = hub
    const large = new Uint8Array(1025).fill(7)
    expect((await publish(ada, appId, {}, large)).status).toBe(413)
    const bare = (raw: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>) =>
      ada.call(`POST /applications/${appId}/builds?version=1.0.0&architecture=${linux}`, undefined, {
        raw,
        headers: { 'content-type': 'application/octet-stream' }
      })
    expect((await bare(large)).status).toBe(413)
    expect(await bare(new Blob([large]).stream())).toEqual({ status: 413, body: { message: 'More than 1024 bytes' } })
    expect([await buildsOf(ada, appId), await stored(hub)]).toEqual([[], 0])
    expect((await bare(large.subarray(1))).status).toBe(201)
  })

  test('notes are kept to the letter; what cannot be stored, or is far too long, is refused', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const notes = `${'ä'.repeat(3980)}\t☂ "x" 'y'`
    expect((await publish(ada, appId, { notes })).body).toMatchObject({ notes })
    expect(await publish(ada, appId, { version: '1.0.1', notes: 'a\0b' })).toEqual({
      status: 400,
      body: { message: 'The input must not contain NUL characters' }
    })
    expect((await publish(ada, appId, { version: '1.0.1', notes: 'x'.repeat(20_000) })).status).toBe(413)
    const bare = await ada.call(`POST /applications/${appId}/builds?version=1.0.1&architecture=${linux}&notes=%00`, undefined, {
      raw: bytes('x'),
      headers: { 'content-type': 'application/octet-stream' }
    })
    expect(bare.status).toBe(400)
    expect([(await buildsOf(ada, appId)).length, await stored(hub)]).toEqual([1, 1])
  })

  test('a body of another type, and a broken form, are refused', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const send = (raw: string, type: string) =>
      ada.call(`POST /applications/${appId}/builds`, undefined, { raw, headers: { 'content-type': type } })
    expect((await send('--x\r\nbroken', 'multipart/form-data; boundary=x')).status).toBe(400)
    expect((await send('x', 'multipart/form-data')).status).toBe(400)
    expect((await send('{', 'application/json')).status).toBe(400)
    expect((await send('x', 'text/plain')).status).toBe(400)
  })

  test('is for members: 401, 403 for others and viewers, 404 for an unknown application', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const eve = await hub.user('eve')
    const viewer = await hub.user('vera')
    const member = await hub.user('max')
    await ada.call('PUT /teams/ada/members/vera', { role: 'viewer' })
    await ada.call('PUT /teams/ada/members/max', { role: 'member' })
    const status = async (who: Pick<TestUser, 'call'>, id = appId) => (await publish(who, id)).status
    expect(await status(hub)).toBe(401)
    expect(await publish(eve, appId)).toEqual({ status: 403, body: { message: 'You are not a member of this team' } })
    expect(await publish(viewer, appId)).toEqual({ status: 403, body: { message: 'As viewer of this team you may not do this' } })
    for (const id of [crypto.randomUUID(), 'x', '..%2f'])
      expect(await publish(ada, id)).toEqual({ status: 404, body: { message: 'Application not found' } })
    expect(await status(member)).toBe(201)
    const { build_id } = (await buildsOf(viewer, appId))[0] ?? { build_id: '' }
    const change = (who: Pick<TestUser, 'call'>) =>
      who.call(`PATCH /applications/${appId}/builds/${build_id}`, { disabled: true })
    for (const [who, expected] of [
      [hub, 401],
      [eve, 403],
      [viewer, 403],
      [member, 200]
    ] as const)
      expect((await change(who)).status).toBe(expected)
    for (const list of ['builds', 'clients'])
      expect([
        (await hub.call(`GET /applications/${appId}/${list}`)).status,
        (await eve.call(`GET /applications/${appId}/${list}`)).status
      ]).toEqual([401, 403])
  })
})

describe(`on ${databaseName}: GET /applications/<id>/builds`, () => {
  test('lists the last published first, a page at a time', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const versions = ['2.0.0', '1.0.0', '1.1.0', '3.0.0-rc.1', '0.1.0']
    for (const version of versions) await publish(ada, appId, { version })
    expect((await buildsOf(ada, appId)).map(({ version }) => version)).toEqual(versions.toReversed())
    const found: string[] = []
    let query = 'limit=2'
    for (;;) {
      const { body } = await ada.call(`GET /applications/${appId}/builds?${query}`)
      const { builds, next } = body as { builds: { version: string }[]; next: string | null }
      found.push(...builds.map(({ version }) => version))
      if (next === null) break
      query = `limit=2&cursor=${next}`
    }
    expect(found).toEqual(versions.toReversed())
    for (const limit of ['0', '201', 'x', '-1'])
      expect((await ada.call(`GET /applications/${appId}/builds?limit=${limit}`)).status).toBe(400)
  })
})

describe(`on ${databaseName}: PATCH /applications/<id>/builds/<build_id>`, () => {
  test('withdraws and reinstates: again is the same', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const { build_id } = buildOf(await publish(ada, appId))
    const set = (disabled: unknown) => ada.call(`PATCH /applications/${appId}/builds/${build_id}`, { disabled })
    for (const disabled of [true, true, false, false])
      expect(await set(disabled)).toMatchObject({ status: 200, body: { build_id, disabled } })
    const form = await ada.call(`PATCH /applications/${appId}/builds/${build_id}`, undefined, {
      raw: new URLSearchParams({ disabled: 'true' })
    })
    expect(form).toMatchObject({ status: 200, body: { disabled: true } })
    for (const disabled of ['yes', 1, null]) expect(await set(disabled)).toMatchObject({ status: 400 })
    expect((await ada.call(`PATCH /applications/${appId}/builds/${build_id}`, {})).body).toEqual({
      message: 'disabled is required'
    })
    const { notices } = await hub.hub.notices.after(0, { id: '', seesAll: true })
    expect(notices.map(({ type }) => type).filter((type) => type.startsWith('release'))).toEqual([
      'release.published',
      'release.withdrawn',
      'release.reinstated',
      'release.withdrawn'
    ])
  })

  test('404 for no such build, also for one of another application', async () => {
    const { hub, ada, appId } = await stage()
    await using _ = hub
    const other = await testApplication(ada, 'Other')
    const { build_id } = buildOf(await publish(ada, other))
    for (const id of [build_id, crypto.randomUUID(), 'x'])
      expect(await ada.call(`PATCH /applications/${appId}/builds/${id}`, { disabled: true })).toEqual({
        status: 404,
        body: { message: 'Build not found' }
      })
    expect((await latest(hub, other)).version).toBe('1.0.0')
  })
})
