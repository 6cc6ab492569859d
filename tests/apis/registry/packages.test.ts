import { describe, expect, test } from 'bun:test'
import { databaseName } from '../../support/databases.ts'
import { testHub } from '../../support/hub.ts'
import { makePackage, recipe, registry, statusesOf } from '../../support/registry.ts'

const nobody = '00000000-0000-7000-8000-000000000000'

describe(`002 on ${databaseName}: packages`, () => {
  test('POST makes one; it is read by id, and by name', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const { id: maintainerId } = (await ada.call('GET /me')).body as { id: string }
    const made = await ada.call('POST /v1/packages', { name: 'zlib' })
    expect(made).toEqual({ status: 201, body: { id: expect.any(String), name: 'zlib', maintainerId, versions: [] } })
    const { id } = made.body as { id: string }
    expect(await hub.call(`GET /v1/packages/${id}`)).toEqual({ status: 200, body: made.body })
    expect(await hub.call('GET /v1/packages?name=zlib')).toEqual({ status: 200, body: made.body })
    expect(await hub.call(`GET /v1/packages/${id}/versions`)).toEqual({ status: 200, body: [] })
    expect(await hub.call(`GET /v1/packages/${id}/versions?latest=true`)).toEqual({ status: 200, body: [] })
  })

  test('401 without a token, before the body is looked at', async () => {
    await using hub = await testHub()
    expect((await hub.call('POST /v1/packages', { name: 5 })).status).toBe(401)
    expect((await hub.call('POST /v1/packages', undefined, { raw: '{broken' })).status).toBe(401)
  })

  test('409 for a name that is taken; of twenty who want one at once, one gets it', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    const answers = await Promise.all(Array.from({ length: 20 }, () => ada.call('POST /v1/packages', { name: 'zlib' })))
    expect(statusesOf(answers)).toEqual([201, ...Array(19).fill(409)])
    expect(answers.find(({ status }) => status === 409)?.body).toEqual({ message: 'Package already exists' })
  })

  test.each(['Zlib', '9lib', '-lib', '_lib', 'z lib', 'z.lib', 'z/lib', 'zlib\n', 'żlib', 'z'.repeat(65), 5, [['zlib']]])(
    '400 for the name %j',
    async (name) => {
      await using hub = await testHub()
      const ada = await hub.user('ada')
      expect(await ada.call('POST /v1/packages', { name })).toEqual({
        status: 400,
        body: { message: 'name must begin with a small letter and have at most 64 small letters, digits, - and _' }
      })
    }
  )

  test('a name may have 64 characters, and be one of the hub’s own words', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    for (const name of ['z'.repeat(64), 'latest', 'packages', 'a'])
      expect((await ada.call('POST /v1/packages', { name })).status).toBe(201)
    for (const body of [{}, { name: '' }, { name: null }])
      expect(await ada.call('POST /v1/packages', body)).toEqual({ status: 400, body: { message: 'name is required' } })
  })

  test('404 for what is not there, however it is asked for', async () => {
    await using hub = await testHub()
    const message = 'Package not found'
    for (const id of [nobody, 'nonsense', '%20', "'%20or%20''='", 'x'.repeat(3000)]) {
      for (const rest of ['', '/versions', '/versions?latest=true', '/maintainers'])
        expect(await hub.call(`GET /v1/packages/${id}${rest}`)).toEqual({ status: 404, body: { message } })
    }
    for (const name of ['ghost', '', '%20']) expect((await hub.call(`GET /v1/packages?name=${name}`)).status).toBe(404)
  })
})

describe(`002 on ${databaseName}: versions`, () => {
  test('are listed newest first in the order of Semantic Versioning; a pre-release is the latest only where there is nothing else', async () => {
    await using t = await registry()
    await t.publish('1.0.0-rc.2')
    await t.publish('1.0.0-rc.10')
    expect(await t.latest()).toEqual(['1.0.0-rc.10'])
    for (const version of ['1.9.0', '1.10.0', '1.0.0', '2.0.0-alpha', '1.10.0+build.5', '0.0.1']) await t.publish(version)
    const all = ['2.0.0-alpha', '1.10.0+build.5', '1.10.0', '1.9.0', '1.0.0', '1.0.0-rc.10', '1.0.0-rc.2', '0.0.1']
    expect(await t.versions()).toEqual(all)
    expect((await t.hub.call('GET /v1/packages?name=zlib')).body).toMatchObject({ versions: all })
    expect((await t.hub.call(`GET /v1/packages/${t.id}/versions?latest=false`)).body).toEqual(all)
    expect(await t.latest()).toEqual(['1.10.0+build.5'])
  })

  test('400 for a latest that is neither', async () => {
    await using t = await registry()
    expect(await t.hub.call(`GET /v1/packages/${t.id}/versions?latest=yes`)).toEqual({
      status: 400,
      body: { message: 'latest must be true or false' }
    })
  })
})

describe(`002 on ${databaseName}: maintainers`, () => {
  test('only they publish and yank; each may add and remove others', async () => {
    await using t = await registry()
    const grace = await t.hub.user('grace')
    const { id: graceId } = (await grace.call('GET /me')).body as { id: string }
    const path = `/v1/packages/${t.id}/maintainers`
    const notOne = { status: 403, body: { message: 'You are not a maintainer of this package' } }
    await t.publish('1.0.0')
    for (const [route, body] of [
      [`POST /v1/packages/${t.id}/recipes`, recipe('1.0.1')],
      [`PUT /v1/packages/${t.id}/recipes/1.0.0/yank`],
      [`DELETE /v1/packages/${t.id}/recipes/1.0.0/yank`],
      [`PUT ${path}/${graceId}`],
      [`DELETE ${path}/${t.userId}`]
    ] as const)
      expect([route, await grace.call(route, body)]).toEqual([route, notOne])

    const both = [
      { id: t.userId, name: 'ada', avatarUrl: null },
      { id: graceId, name: 'grace', avatarUrl: null }
    ]
    for (let times = 0; times < 2; times++)
      expect(await t.ada.call(`PUT ${path}/${graceId}`)).toEqual({ status: 200, body: { maintainers: both } })
    expect((await t.publish('1.0.1', {}, grace)).body).toMatchObject({ maintainerId: graceId })
    expect(await t.hub.call(`GET ${path}`)).toEqual({ status: 200, body: { maintainers: both } })
    expect(await grace.call(`DELETE ${path}/${t.userId}`)).toEqual({ status: 200, body: { maintainers: both.slice(1) } })
    expect((await t.publish('1.0.2')).status).toBe(403)
    expect((await t.hub.call(`GET /v1/packages/${t.id}`)).body).toMatchObject({
      maintainerId: t.userId,
      versions: ['1.0.1', '1.0.0']
    })
  })

  test('a package keeps one, also when two leave at once', async () => {
    await using t = await registry()
    const grace = await t.hub.user('grace')
    const { id: graceId } = (await grace.call('GET /me')).body as { id: string }
    const path = `/v1/packages/${t.id}/maintainers`
    const keeps = { status: 400, body: { message: 'A package must keep a maintainer' } }
    expect(await t.ada.call(`DELETE ${path}/${t.userId}`)).toEqual(keeps)
    await t.ada.call(`PUT ${path}/${graceId}`)
    const leaving = [t.ada.call(`DELETE ${path}/${t.userId}`), grace.call(`DELETE ${path}/${graceId}`)]
    expect(statusesOf(await Promise.all(leaving))).toEqual([200, 400])
  })

  test('404 for a user who is not there or not one of them', async () => {
    await using t = await registry()
    const grace = await t.hub.user('grace')
    const { id: graceId } = (await grace.call('GET /me')).body as { id: string }
    const path = `/v1/packages/${t.id}/maintainers`
    const noUser = { status: 404, body: { message: 'User not found' } }
    expect(await t.ada.call(`PUT ${path}/${nobody}`)).toEqual(noUser)
    expect(await t.ada.call(`DELETE ${path}/nonsense`)).toEqual(noUser)
    await t.ada.call(`PUT ${path}/${((await (await t.hub.root()).call('GET /me')).body as { id: string }).id}`)
    expect(await t.ada.call(`DELETE ${path}/${graceId}`)).toEqual({ status: 404, body: { message: 'Maintainer not found' } })
    expect((await t.ada.call(`PUT /v1/packages/${nobody}/maintainers/${graceId}`)).status).toBe(404)
  })

  test('what somebody has published outlives them; a SUPER_ADMIN gives the package a new maintainer', async () => {
    await using t = await registry()
    const grace = await t.hub.user('grace')
    const { id: graceId } = (await grace.call('GET /me')).body as { id: string }
    await t.publish('1.0.0')
    const before = await t.get('1.0.0')
    await t.ada.call('DELETE /auth')
    expect(await t.get('1.0.0')).toEqual(before)
    expect((await t.hub.call(`GET /v1/packages/${t.id}`)).body).toMatchObject({ maintainerId: t.userId, versions: ['1.0.0'] })
    expect((await t.hub.call(`GET /v1/packages/${t.id}/maintainers`)).body).toEqual({ maintainers: [] })
    expect((await t.publish('1.0.1', {}, grace)).status).toBe(403)
    expect((await (await t.hub.root()).call(`PUT /v1/packages/${t.id}/maintainers/${graceId}`)).status).toBe(200)
    expect((await t.publish('1.0.1', {}, grace)).status).toBe(201)
  })
})

describe(`GET /v1/packages on ${databaseName}: search and paging`, () => {
  const names = ['json', 'lua-json', 'lua-json-parser', 'json5', 'fast_json', 'fastjson', 'lua-xml', 'parsec', 'zlib', 'a']

  async function filled() {
    const hub = await testHub()
    const ada = await hub.user('ada')
    for (const name of names) await makePackage(ada, name)
    const find = async (query: string) => {
      const { status, body } = await hub.call(`GET /v1/packages?${query}`)
      const { packages = [], next } = body as { packages?: { name: string }[]; next?: string | null }
      return { status, names: packages.map(({ name }) => name), next }
    }
    return { hub, ada, find, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() }
  }

  test('lists all by name, a page at a time', async () => {
    await using t = await filled()
    expect(await t.find('')).toEqual({ status: 200, names: names.toSorted(), next: null })
    expect(await t.find('search=')).toEqual({ status: 200, names: names.toSorted(), next: null })
    const seen: string[] = []
    for (let next: string | null | undefined = ''; next !== null; ) {
      const page = await t.find(`limit=3&cursor=${next}`)
      expect(page.names.length).toBeLessThanOrEqual(3)
      seen.push(...page.names)
      next = page.next
    }
    expect(seen).toEqual(names.toSorted())
  })

  test('finds by the beginnings of words, in any order and case', async () => {
    await using t = await filled()
    const found = async (search: string) => (await t.find(`search=${encodeURIComponent(search)}`)).names
    expect(await found('json')).toEqual(['fast_json', 'json', 'json5', 'lua-json', 'lua-json-parser'])
    expect(await found('LUA Json')).toEqual(['lua-json', 'lua-json-parser'])
    expect(await found('json lua pars')).toEqual(['lua-json-parser'])
    expect(await found('lua-json-p')).toEqual(['lua-json-parser'])
    expect(await found('pars')).toEqual(['lua-json-parser', 'parsec'])
    expect(await found('a')).toEqual(['a'])
    expect(await found('arse')).toEqual([])
    expect(await found('lua ghost')).toEqual([])
    for (const odd of ['%', '_', "' or 1=1 --", 'ж', '*', '\\', ' ']) expect([odd, await found(odd)]).toEqual([odd, []])
  })

  test('pages through what it finds', async () => {
    await using t = await filled()
    const first = await t.find('search=json&limit=2')
    expect(first).toEqual({ status: 200, names: ['fast_json', 'json'], next: 'json' })
    const second = await t.find('search=json&limit=2&cursor=json')
    expect(second).toEqual({ status: 200, names: ['json5', 'lua-json'], next: 'lua-json' })
    expect(await t.find('search=json&limit=2&cursor=lua-json')).toEqual({ status: 200, names: ['lua-json-parser'], next: null })
    expect(await t.find('search=lua+json&limit=1')).toMatchObject({ names: ['lua-json'], next: 'lua-json' })
    expect(await t.find('search=lua+json&limit=1&cursor=lua-json')).toMatchObject({ names: ['lua-json-parser'], next: null })
  })

  test('gives each package as it is read by id, with its newest 20 versions', async () => {
    await using t = await filled()
    const { body } = await t.hub.call('GET /v1/packages?name=zlib')
    const { id } = body as { id: string }
    for (let n = 0; n < 22; n++) await t.ada.call(`POST /v1/packages/${id}/recipes`, recipe(`1.${n}.0`))
    const { versions, ...rest } = (await t.hub.call(`GET /v1/packages/${id}`)).body as { versions: string[] }
    expect(versions).toHaveLength(22)
    expect((await t.hub.call('GET /v1/packages?search=zlib')).body).toEqual({
      packages: [{ ...rest, versions: versions.slice(0, 20) }],
      next: null
    })
  })

  test.each([
    ['limit=0', 'limit must be between 1 and 100'],
    ['limit=101', 'limit must be between 1 and 100'],
    ['limit=x', 'limit must be between 1 and 100'],
    [`cursor=${'x'.repeat(65)}`, 'cursor must be the next of an earlier page'],
    [`search=${'x'.repeat(201)}`, 'search may have at most 200 characters']
  ])('400 for %s', async (query, message) => {
    await using hub = await testHub()
    expect(await hub.call(`GET /v1/packages?${query}`)).toEqual({ status: 400, body: { message } })
  })
})
