import { expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseName } from '../../support/databases.ts'
import { ada as adaAtGithub, githubUser, grace as graceAtGithub, playSignIn } from '../../support/github-sign-in.ts'
import { type TestHub, testHub } from '../../support/hub.ts'
import { userClient } from '../../support/mqtt.ts'
import { lua, reprDigest, sha256 } from '../../support/registry.ts'

const MiB = 1024 * 1024
const archive = new Uint8Array(randomBytes(50 * MiB))

type Package = { id: string; name: string; versions: string[] }
type Recipe = { id: string; version: string; revision: string; arDownload: string; arUploadToken: string; arUploadUrl: string }

/** A command-line client: it knows a hub, and a CLI key. */
function commandLine(hub: TestHub, key: string) {
  const { call } = hub.as(key)
  const recipesOf = ({ id }: Package) => `/v1/packages/${id}/recipes`
  return {
    call,
    create: async (name: string) => (await call('POST /v1/packages', { name })).body as Package,
    find: async (search: string) => ((await call(`GET /v1/packages?search=${search}`)).body as { packages: Package[] }).packages,
    latest: async ({ id }: Package) => (await call(`GET /v1/packages/${id}/versions?latest=true`)).body as string[],
    recipe: async (of: Package, version: string) => (await call(`GET ${recipesOf(of)}/${version}`)).body as Recipe,
    publish: (to: Package, version: string, arUpload: boolean) =>
      call(`POST ${recipesOf(to)}`, { version, revision: '1', recipe: lua, arUpload })
  }
}

async function newKey(hub: TestHub, user: { id: string; token: string }, name: string) {
  const { body } = await hub.as(user.token).call(`POST /v1/users/${user.id}/cli-keys`, { name })
  return (body as { key: string }).key
}

/** Fetches the beginning of a file as it is, without chunks, and breaks off after so many bytes; gives what had come by then, with the entity tag. */
function fetchBrokenOff(url: string, port: number, after: number) {
  const { promise, resolve, reject } = Promise.withResolvers<{ etag: string; bytes: Buffer }>()
  const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${new URL(url).pathname} HTTP/1.0\r\nhost: hub\r\n\r\n`))
  const chunks: Buffer[] = []
  let size = 0
  socket.on('error', reject)
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (size < after) return
    socket.destroy()
    const all = Buffer.concat(chunks)
    const end = all.indexOf('\r\n\r\n')
    const [, etag = ''] =
      all
        .subarray(0, end)
        .toString('latin1')
        .match(/^etag: *(.+)$/im) ?? []
    resolve({ etag: etag.trim(), bytes: all.subarray(end + 4) })
  })
  return promise
}

test(`002 on ${databaseName}: a command-line client's day`, async () => {
  await using github = playSignIn()
  await using hub = await testHub({ env: github.env })
  const folder = await mkdtemp(join(tmpdir(), 'updraft-day-'))

  // Ada signs in by GitHub, and makes a key for her laptop: from here on that is all that her client has.
  const ada = await githubUser(hub, github, adaAtGithub)
  const laptop = commandLine(hub, await newKey(hub, ada, 'laptop'))
  const zlib = await laptop.create('zlib')
  expect(zlib.versions).toEqual([])

  // She publishes a version without an archive, then one with an archive of 50 MB from her disk.
  expect((await laptop.publish(zlib, '1.2.0', false)).status).toBe(201)
  const { status, body } = await laptop.publish(zlib, '1.3.0', true)
  const { arUploadUrl, arUploadToken, id: recipeId } = body as Recipe
  expect(status).toBe(201)
  await Bun.write(join(folder, 'zlib.tar'), archive)
  const sent = await fetch(arUploadUrl, {
    method: 'PUT',
    body: Bun.file(join(folder, 'zlib.tar')),
    headers: { authorization: `Bearer ${arUploadToken}`, 'repr-digest': reprDigest(archive) }
  })
  expect([sent.status, await sent.json()]).toEqual([
    201,
    { size: 50 * MiB, sha256: sha256(archive), arDownload: expect.stringContaining(recipeId) }
  ])

  // Grace signs in, follows the package, and finds it.
  const grace = await githubUser(hub, github, graceAtGithub)
  const desktop = commandLine(hub, await newKey(hub, grace, 'desktop'))
  await using follower = await userClient(hub, { token: await newKey(hub, grace, 'follower') })
  await follower.subscribe(['packages/zlib/latest'])
  expect(JSON.parse((await follower.next()).payload)).toEqual({ id: recipeId, version: '1.3.0', revision: '1' })
  const [found] = await desktop.find('zli')
  expect(found).toEqual({ ...zlib, versions: ['1.3.0', '1.2.0'] })

  // She takes the latest; her connection breaks while the archive comes, and she goes on where it ended.
  const [latest = ''] = await desktop.latest(zlib)
  const { arDownload } = await desktop.recipe(zlib, latest)
  const { etag, bytes: begun } = await fetchBrokenOff(arDownload, hub.ports.http, 20 * MiB)
  expect(begun.length).toBeLessThan(50 * MiB)
  const rest = await fetch(arDownload, { headers: { range: `bytes=${begun.length}-`, 'if-range': etag } })
  expect([rest.status, rest.headers.get('content-range')]).toEqual([206, `bytes ${begun.length}-${50 * MiB - 1}/${50 * MiB}`])
  const got = Buffer.concat([begun, Buffer.from(await rest.arrayBuffer())])
  expect([got.length, sha256(got)]).toEqual([50 * MiB, sha256(archive)])

  // She pins the older version, which stays when Ada yanks it.
  const pinned = await desktop.recipe(zlib, '1.2.0')
  await laptop.call(`PUT /v1/packages/${zlib.id}/recipes/1.2.0/yank`)
  expect(await desktop.recipe(zlib, '1.2.0')).toEqual({ ...pinned, yanked: true } as Recipe)
  expect((await desktop.find('zlib'))[0]?.versions).toEqual(['1.3.0'])

  // It is not hers to publish to, to yank, or to be let in to; what there is stays as it is.
  expect(await desktop.publish(zlib, '6.6.6', false)).toEqual({
    status: 403,
    body: { message: 'You are not a maintainer of this package' }
  })
  expect((await desktop.call(`PUT /v1/packages/${zlib.id}/maintainers/${grace.id}`)).status).toBe(403)
  expect((await desktop.call('POST /v1/packages', { name: 'zlib' })).status).toBe(409)

  // Ada publishes once more, of which Grace hears at once; then the laptop is lost, and its key with it.
  expect((await laptop.publish(zlib, '1.4.0', false)).status).toBe(201)
  expect(JSON.parse((await follower.next()).payload)).toMatchObject({ version: '1.4.0' })
  await hub.as(ada.token).call(`DELETE /v1/users/${ada.id}/cli-keys/laptop`)
  expect((await laptop.publish(zlib, '1.5.0', false)).status).toBe(401)
  expect(await desktop.latest(zlib)).toEqual(['1.4.0'])
  await rm(folder, { recursive: true })
}, 60_000)
