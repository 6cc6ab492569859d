import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { PlayedAsset } from '../../scripts/demo/github.ts'
import { databaseName } from '../support/databases.ts'
import { failureOf } from '../support/failure.ts'
import { bytes, watch, watchingHub, watchList } from '../support/github.ts'

const MiB = 1024 * 1024
const deb = { name: 'a.deb', bytes: bytes('not really a package') }
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')
const otherBytes = 'GitHub gave other bytes than it lists for this asset'

/** A hub with a user who watches a repo whose latest release has these assets. */
async function setUp(assets: PlayedAsset[], env: Record<string, string> = {}) {
  const hub = await watchingHub({ env })
  hub.github.publish('tools/tool', '1', assets)
  const ada = await hub.user('ada')
  const repoId = await watch(ada, { name: 'tool', ownerName: 'tools' })
  return {
    ...hub,
    ada,
    repoId,
    /** Fetches the asset at this place of the list. */
    async fetch(place = 0) {
      const [repo] = await watchList(ada)
      return hub.hub.repos.asset(repoId, repo?.latestReleaseAssets[place]?._id ?? '')
    },
    /** The bytes as they are in the store. */
    stored: async (blob: { sha256: string; size: number }) =>
      new Uint8Array(await new Response(await hub.hub.blobs.part(blob, 0, blob.size - 1)).arrayBuffer()),
    incoming: () => readdir(join(hub.dataDir, 'blobs', 'incoming')),
    /** How often bytes were asked for: of the API, and where they are. */
    fetches: () => [hub.github.asked.filter(({ path }) => path.includes('/assets/')).length, hub.github.fetched.length],
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]()
  }
}

describe(`release assets on ${databaseName}`, () => {
  test('are fetched when they are needed, once, from where GitHub has them', async () => {
    await using t = await setUp([deb])
    expect(t.fetches()).toEqual([0, 0])
    const blob = await t.fetch()
    expect(blob).toEqual({ name: 'a.deb', sha256: sha256(deb.bytes), size: deb.bytes.length })
    expect(await t.stored(blob)).toEqual(deb.bytes)
    expect(await t.fetch()).toEqual(blob)
    expect(t.fetches()).toEqual([1, 1])
    expect(t.github.asked.at(-1)?.headers.get('accept')).toBe('application/octet-stream')
    const text = await (await t.send('GET /metrics')).text()
    expect(text).toContain(`updraft_asset_bytes_total ${deb.bytes.length}`)
  })

  test('are fetched once for all who need them at the same time', async () => {
    await using t = await setUp([deb])
    const blobs = await Promise.all(Array.from({ length: 10 }, () => t.fetch()))
    expect(new Set(blobs.map((blob) => blob.sha256)).size).toBe(1)
    expect(t.fetches()).toEqual([1, 1])
  })

  test('whose bytes are in the store already are not fetched', async () => {
    await using t = await setUp([deb, { ...deb, name: 'copy.deb' }])
    await t.fetch(0)
    expect(await t.fetch(1)).toEqual({ name: 'copy.deb', sha256: sha256(deb.bytes), size: deb.bytes.length })
    expect(t.fetches()).toEqual([1, 1])
  })

  test('that went missing from the store are fetched again', async () => {
    await using t = await setUp([deb])
    const { sha256: name } = await t.fetch()
    await Bun.file(join(t.dataDir, 'blobs', name.slice(0, 2), name.slice(2, 4), name)).delete()
    expect(await t.stored(await t.fetch())).toEqual(deb.bytes)
  })

  test('come with the hub’s token from the API, and without it from elsewhere', async () => {
    await using hub = await watchingHub({ env: { GITHUB_TOKEN: 'ghp_hub' } })
    hub.github.accept('ghp_hub')
    hub.github.publish('tools/tool', '1', [deb])
    const ada = await hub.user('ada')
    const repoId = await watch(ada, { name: 'tool', ownerName: 'tools' })
    const [repo] = await watchList(ada)
    await hub.hub.repos.asset(repoId, repo?.latestReleaseAssets[0]?._id ?? '')
    expect(hub.github.asked.at(-1)?.headers.get('authorization')).toBe('Bearer ghp_hub')
    expect(hub.github.fetched.map(({ headers }) => headers.get('authorization'))).toEqual([null])
  })

  test('may come straight from the API, may be empty, and may have moved with their repo', async () => {
    await using t = await setUp([{ name: 'empty', bytes: new Uint8Array(0) }, deb])
    expect(await t.fetch(0)).toMatchObject({ size: 0, sha256: sha256(new Uint8Array(0)) })
    t.github.rename('tools/tool', 'tools/tool-2')
    t.github.answer(({ path }) => (path.startsWith('/repositories/') ? new Response(deb.bytes) : undefined))
    expect(await t.stored(await t.fetch(1))).toEqual(deb.bytes)
  })

  test('come whole when they are large', async () => {
    const large = new Uint8Array(64 * MiB).fill(7)
    await using t = await setUp([{ name: 'large', bytes: large }])
    const blob = await t.fetch()
    expect(blob).toEqual({ name: 'large', size: large.length, sha256: sha256(large) })
  })

  test('keep their bytes in the store as long as they are of a latest release', async () => {
    await using t = await setUp([deb])
    const blob = await t.fetch()
    expect(await t.hub.references.referred([blob.sha256, '0'.repeat(64)])).toEqual([blob.sha256])
    t.github.publish('tools/tool', '2', [])
    await t.ada.call('PATCH /repos')
    expect(await t.hub.references.referred([blob.sha256])).toEqual([])
  })

  test('of another repo, or none at all, are not there', async () => {
    await using t = await setUp([deb])
    const other = await watch(t.ada)
    const [repo] = await watchList(t.ada)
    const assetId = repo?.latestReleaseAssets[0]?._id ?? ''
    for (const [repoId, id] of [
      [other, assetId],
      [t.repoId, '642dc37cc80eb6212d262d7a'],
      ['none', assetId]
    ] as const)
      expect(await failureOf(t.hub.repos.asset(repoId, id))).toMatchObject({
        kind: 'missing',
        message: 'Release asset not found'
      })
  })
})

describe(`release assets that are refused, on ${databaseName}`, () => {
  test('one of 10 GB is, before a byte is read', async () => {
    await using t = await setUp([{ ...deb, size: 10_000_000_000 }])
    expect(await failureOf(t.fetch())).toMatchObject({
      kind: 'tooLarge',
      message: `The asset has 10000000000 bytes, more than the ${1024 * MiB} that are fetched`
    })
    expect(t.fetches()).toEqual([0, 0])
  })

  test('one past ASSET_MAX_BYTES is', async () => {
    await using t = await setUp([deb], { ASSET_MAX_BYTES: '10' })
    expect(await failureOf(t.fetch())).toMatchObject({ kind: 'tooLarge' })
  })

  test.each([
    ['has more than it is listed with', () => new Response('not really a package, but more')],
    ['has less than it is listed with', () => new Response('not really')],
    ['has other bytes than it is listed with', () => new Response('NOT REALLY A PACKAGE')],
    ['has no end', () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(MiB)) }))]
  ])('one that %s is, and nothing of it stays', async (_what, answer) => {
    await using t = await setUp([deb])
    t.github.answer(({ path }) => (path.includes('/assets/') ? answer() : undefined))
    expect(await failureOf(t.fetch())).toMatchObject({ kind: 'unavailable', message: otherBytes })
    expect(await t.incoming()).toEqual([])
    expect(await t.hub.blobs.has(sha256(deb.bytes))).toBe(false)
    t.github.answer(undefined)
    expect(await t.stored(await t.fetch())).toEqual(deb.bytes)
  })

  test.each([
    ['is not there', () => new Response('', { status: 404 }), 'missing', undefined],
    ['is on a server in trouble', () => new Response('', { status: 502 }), 'unavailable', 'GitHub does not answer'],
    [
      'leads to an address inside',
      () => leadingTo('http://10.0.0.1/'),
      'unavailable',
      'GitHub gave an answer that makes no sense'
    ],
    ['leads to a file', () => leadingTo('file:///etc/passwd'), 'unavailable', 'GitHub gave an answer that makes no sense'],
    ['comes packed', () => packed(), 'unavailable', 'GitHub gave an answer that makes no sense']
  ])('one that %s is, and may be had later', async (_what, answer, kind, message) => {
    await using t = await setUp([deb])
    t.github.answer(({ path }) => (path.includes('/assets/') ? answer() : undefined))
    expect(await failureOf(t.fetch())).toMatchObject(message === undefined ? { kind } : { kind, message })
    expect(await t.incoming()).toEqual([])
    t.github.answer(undefined)
    expect(await t.stored(await t.fetch())).toEqual(deb.bytes)
  })

  test('one that breaks off is, and may be had later', async () => {
    await using t = await setUp([deb])
    const unreliable = createServer((socket) => {
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${deb.bytes.length}\r\n\r\nnot`)
    })
    await once(unreliable.listen(0, '127.0.0.1'), 'listening')
    const { port } = unreliable.address() as AddressInfo
    t.github.answer(({ path }) => (path.includes('/assets/') ? leadingTo(`http://127.0.0.1:${port}/`) : undefined))
    expect(await failureOf(t.fetch())).toMatchObject({ kind: 'unavailable', message: 'The download from GitHub broke off' })
    expect(await t.incoming()).toEqual([])
    t.github.answer(undefined)
    expect(await t.stored(await t.fetch())).toEqual(deb.bytes)
    unreliable.close()
  })

  test('one of a repo that only a token shows is', async () => {
    await using t = await setUp([deb])
    t.github.hide('tools/tool')
    expect(await failureOf(t.fetch())).toMatchObject({
      kind: 'missing',
      message: 'GitHub has no such asset, or shows it only to those who have a token'
    })
  })

  test('one is while the quota is spent', async () => {
    await using t = await setUp([deb])
    t.github.setQuota(0, Math.floor(Date.now() / 1000) + 600)
    expect(await failureOf(t.fetch())).toMatchObject({ kind: 'unavailable', retryAfter: expect.any(Number) })
  })
})

const leadingTo = (location: string) => new Response(null, { status: 302, headers: { location } })
const packed = () => new Response(Bun.gzipSync(deb.bytes), { headers: { 'content-encoding': 'gzip' } })
