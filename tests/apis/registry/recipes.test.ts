import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { lua, recipe, registry } from '../../support/registry.ts'

const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

describe(`002 on ${databaseName}: POST /v1/packages/{id}/recipes`, () => {
  test('publishes a recipe, which is then read by version, and by version and revision', async () => {
    await using t = await registry()
    const shown = {
      id: expect.any(String),
      packageId: t.id,
      version: '1.3.1',
      revision: '1',
      recipe: lua,
      maintainerId: t.userId,
      created: instant
    }
    const published = await t.publish('1.3.1')
    expect(published).toEqual({ status: 201, body: shown })
    expect(await t.get('1.3.1')).toEqual({ status: 200, body: published.body })
    expect(await t.get('1.3.1', '1')).toEqual({ status: 200, body: published.body })
    expect((await t.hub.call(`GET /v1/packages/${t.id}`)).body).toMatchObject({ versions: ['1.3.1'] })
  })

  test('with arUpload it gives a token and the address for the archive', async () => {
    await using t = await registry()
    const { status, body } = await t.publish('1.3.1', { arUpload: true })
    const { id } = body as { id: string }
    expect([status, body]).toEqual([
      201,
      {
        ...recipe('1.3.1'),
        id: expect.any(String),
        packageId: t.id,
        maintainerId: t.userId,
        created: instant,
        arUploadToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
        arUploadUrl: `${t.hub.base}/v1/archives/${id}`
      }
    ])
  })

  test('arUpload may be a text, as forms have it', async () => {
    await using t = await registry()
    for (const [version, arUpload, hasToken] of [
      ['1.0.0', 'false', false],
      ['1.0.1', 'true', true],
      ['1.0.2', false, false]
    ] as const)
      expect('arUploadToken' in ((await t.publish(version, { arUpload })).body as object)).toBe(hasToken)
    expect((await t.publish('1.0.3', { arUpload: 'perhaps' })).body).toEqual({ message: 'arUpload must be true or false' })
  })

  test('the latest revision of a version is the newest', async () => {
    await using t = await registry()
    for (const revision of ['b', 'a', 'c']) await t.publish('1.0.0', { revision, recipe: `revision = '${revision}'` })
    expect((await t.get('1.0.0')).body).toMatchObject({ revision: 'c', recipe: "revision = 'c'" })
    expect((await t.get('1.0.0', 'a')).body).toMatchObject({ revision: 'a', recipe: "revision = 'a'" })
    expect(await t.versions()).toEqual(['1.0.0'])
  })

  test('409 for a revision that is there; what was published stays as it is', async () => {
    await using t = await registry()
    await t.publish('1.0.0')
    const before = await t.get('1.0.0')
    expect(await t.publish('1.0.0', { recipe: 'x = 1' })).toEqual({
      status: 409,
      body: { message: 'This version already has this revision' }
    })
    expect((await t.publish('1.0.0', { arUpload: true })).status).toBe(409)
    expect(await t.get('1.0.0')).toEqual(before)
    expect((await t.publish('1.0.0', { revision: '2' })).status).toBe(201)
    expect((await t.publish('1.0.1')).status).toBe(201)
  })

  test.each([false, true])('of fifty who publish one version and revision at once, one wins (arUpload: %p)', async (arUpload) => {
    await using t = await registry()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => t.publish('1.0.0', { arUpload, recipe: `publisher = ${n}` }))
    )
    const winners = answers.filter(({ status }) => status === 201)
    expect([winners.length, answers.filter(({ status }) => status === 409).length]).toEqual([1, 49])
    if (!arUpload) expect(await t.get('1.0.0')).toEqual({ status: 200, body: winners[0]?.body })
  })

  test.each(['1', '1.2', 'v1.2.3', '01.2.3', '1.2.3.4', '1.2.3-', '1.2.3-01', ' 1.2.3', 'latest', 5, `1.2.3-${'a'.repeat(200)}`])(
    '400 for the version %j',
    async (version) => {
      await using t = await registry()
      expect(await t.publish('', { version })).toEqual({
        status: 400,
        body: { message: 'version must be a version (Semantic Versioning 2.0.0)' }
      })
    }
  )

  test.each(['.', '../1', 'a b', 'a/b', 'x'.repeat(65), 1])('400 for the revision %j', async (revision) => {
    await using t = await registry()
    expect(await t.publish('1.0.0', { revision })).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('revision must begin with a letter or digit') }
    })
  })

  test('400 for what is missing', async () => {
    await using t = await registry()
    const path = `POST /v1/packages/${t.id}/recipes`
    expect((await t.ada.call(path, {})).body).toEqual({ message: 'version is required' })
    expect((await t.ada.call(path, { version: '1.0.0' })).body).toEqual({ message: 'revision is required' })
    expect((await t.ada.call(path, { version: '1.0.0', revision: '1' })).body).toEqual({ message: 'recipe is required' })
    expect((await t.publish('1.0.0', { recipe: '' })).body).toEqual({ message: 'recipe is required' })
    expect((await t.publish('')).body).toEqual({ message: 'version is required' })
    expect((await t.publish('1.0.0', { revision: null })).body).toEqual({ message: 'revision is required' })
    expect((await t.publish('1.0.0', { recipe: 5 })).body).toEqual({ message: 'recipe must be a text, in Lua' })
  })

  test('401 without a token, 404 for no such package, 403 for another’s', async () => {
    await using t = await registry()
    const eve = await t.hub.user('eve')
    expect((await t.publish('1.0.0', {}, t.hub)).status).toBe(401)
    expect((await t.ada.call('POST /v1/packages/none/recipes', recipe('1.0.0'))).status).toBe(404)
    expect((await t.publish('1.0.0', {}, eve)).status).toBe(403)
    expect(await t.versions()).toEqual([])
  })

  test('404 for a version or a revision that is not there', async () => {
    await using t = await registry()
    await t.publish('1.0.0')
    const message = 'Recipe not found'
    expect(await t.get('1.0.1')).toEqual({ status: 404, body: { message } })
    expect(await t.get('1.0.0', '2')).toEqual({ status: 404, body: { message } })
    expect((await t.get('nonsense')).status).toBe(404)
    expect((await t.hub.call('GET /v1/packages/none/recipes/1.0.0')).status).toBe(404)
  })
})

describe(`002 on ${databaseName}: recipes are Lua`, () => {
  test.each<[string, string]>([
    ['function build()\n  return true\n', "line 3, column 1: 'end' expected near '<eof>'"],
    ['a = 1\nb = = 2', "line 2, column 5: <expression> expected near '='"],
    ['a = {\n  b = 1,,\n}', "line 2, column 9: '}' expected near ','"],
    ['a = "open', "line 1, column 10: unfinished string near '\"open'"],
    ['if x then', "line 1, column 10: 'end' expected near '<eof>'"],
    ['{"json": true}', "line 1, column 1: unexpected symbol '{' near '\"json\"'"],
    ['goto nowhere', "line 1, column 1: no visible label 'nowhere' for <goto>"],
    ['@', "line 1, column 2: unexpected symbol '@' near '<eof>'"],
    ['x = 0xg', "line 1, column 8: malformed number near '0x'"]
  ])('400 with line and column for %j', async (text, sentence) => {
    await using t = await registry()
    expect(await t.publish('1.0.0', { recipe: text })).toEqual({
      status: 400,
      body: { message: `recipe does not parse as Lua at ${sentence}` }
    })
    expect(await t.versions()).toEqual([])
  })

  test.each([
    "name = 'ü€𝄞'",
    '#!/usr/bin/env lua\nx = 1',
    '-- only a comment',
    'x = 1 // 2 & 3 ~ 4 >> 5',
    'x = "a backslash, then u0000: \\\\u0000"',
    'for i = 1, 3 do goto continue ::continue:: end'
  ])('takes %j to the letter', async (text) => {
    await using t = await registry()
    expect(await t.publish('1.0.0', { recipe: text })).toMatchObject({ status: 201, body: { recipe: text } })
    expect((await t.get('1.0.0')).body).toMatchObject({ recipe: text })
  })

  test.each<[string, string]>([
    ['blocks', `${'do '.repeat(5000)}${'end '.repeat(5000)}`],
    ['brackets', `x = ${'('.repeat(50_000)}1${')'.repeat(50_000)}`],
    ['tables', `x = ${'{'.repeat(50_000)}`],
    ['concatenations', `x = ${'a..'.repeat(40_000)}a`]
  ])('400 for %s that are nested too deeply, and the hub goes on', async (_what, text) => {
    await using t = await registry()
    expect(await t.publish('1.0.0', { recipe: text })).toEqual({
      status: 400,
      body: { message: 'recipe does not parse as Lua: it is nested too deeply' }
    })
    expect((await t.publish('1.0.0')).status).toBe(201)
  })

  test('a text that takes the parser long holds up nobody else', async () => {
    await using t = await registry()
    const labels = Array.from({ length: 9000 }, (_, n) => `::v_${n.toString(36)}::`).join(' ')
    const slow = t.publish('1.0.0', { recipe: `${'do '.repeat(190)}${labels}${' end'.repeat(190)}` })
    const first = await Promise.race([slow.then(() => 'slow'), t.hub.call('GET /health').then(() => 'quick')])
    expect(first).toBe('quick')
    expect((await slow).status).toBe(201)
  })

  test('413 for one of 10 MB, with and without Content-Length, and for one over 128 KiB', async () => {
    await using t = await registry()
    const body = (bytes: number) => JSON.stringify(recipe('1.0.0', { recipe: `-- ${'x'.repeat(bytes - 3)}` }))
    const headers = { 'content-type': 'application/json' }
    const send = (raw: string | ReadableStream<Uint8Array> | null) =>
      t.ada.call(`POST /v1/packages/${t.id}/recipes`, undefined, { raw, headers })
    const tooLarge = { status: 413, body: { message: 'The body may have at most 1048576 bytes' } }
    expect(await send(body(10_000_000))).toEqual(tooLarge)
    expect(await send(new Response(body(10_000_000)).body)).toEqual(tooLarge)
    expect(await send(body(131_073))).toEqual({ status: 413, body: { message: 'A recipe may have at most 131072 bytes' } })
    expect((await send(body(131_072))).status).toBe(201)
  })

  test('400 for NUL and for halves of characters', async () => {
    await using t = await registry()
    expect((await t.publish('1.0.0', { recipe: 'x = "\0"' })).body).toEqual({
      message: 'The input must not contain NUL characters'
    })
    const raw = JSON.stringify(recipe('1.0.0', { recipe: 'HALF' })).replace('HALF', '-- \\ud800')
    expect(
      await t.ada.call(`POST /v1/packages/${t.id}/recipes`, undefined, { raw, headers: { 'content-type': 'application/json' } })
    ).toEqual({ status: 400, body: { message: 'The input must be well-formed Unicode' } })
  })
})

describe(`PUT /v1/packages/{id}/recipes/{version}/yank on ${databaseName}`, () => {
  const yank = (t: Awaited<ReturnType<typeof registry>>, version: string, method = 'PUT') =>
    t.ada.call(`${method} /v1/packages/${t.id}/recipes/${version}/yank`)

  test('hides a version from latest and listings, and still serves those who pin it', async () => {
    await using t = await registry()
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await t.publish(version)
    const before = await t.get('1.2.0', '1')
    const remaining = { id: t.id, name: 'zlib', maintainerId: t.userId, versions: ['1.1.0', '1.0.0'] }
    expect(await yank(t, '1.2.0')).toEqual({ status: 200, body: remaining })
    expect(await t.versions()).toEqual(['1.1.0', '1.0.0'])
    expect(await t.latest()).toEqual(['1.1.0'])
    expect((await t.hub.call('GET /v1/packages?search=zlib')).body).toEqual({ packages: [remaining], next: null })
    const pinned = { status: 200, body: { ...(before.body as object), yanked: true } }
    expect(await t.get('1.2.0', '1')).toEqual(pinned)
    expect(await t.get('1.2.0')).toEqual(pinned)
    expect(await yank(t, '1.2.0')).toEqual({ status: 200, body: remaining })
  })

  test('a yanked version takes further revisions, is not offered by that, and comes back as it was', async () => {
    await using t = await registry()
    await t.publish('1.0.0')
    await yank(t, '1.0.0')
    expect([await t.versions(), await t.latest()]).toEqual([[], []])
    expect((await t.publish('1.0.0')).status).toBe(409)
    expect((await t.publish('1.0.0', { revision: '2' })).status).toBe(201)
    expect([await t.versions(), await t.latest()]).toEqual([[], []])
    expect(await yank(t, '1.0.0', 'DELETE')).toMatchObject({ status: 200, body: { versions: ['1.0.0'] } })
    expect(await t.latest()).toEqual(['1.0.0'])
    expect((await t.get('1.0.0')).body).not.toHaveProperty('yanked')
  })

  test('404 for a version that is not there', async () => {
    await using t = await registry()
    const none = { status: 404, body: { message: 'Version not found' } }
    expect(await yank(t, '1.0.0')).toEqual(none)
    await t.awaiting('1.0.0')
    expect(await yank(t, '1.0.0')).toEqual(none)
  })
})
