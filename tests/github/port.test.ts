import { describe, expect, test } from 'bun:test'
import { playGithub } from '../../scripts/demo/github.ts'
import { createGithub } from '../../src/features/github/service.ts'
import { mayLead } from '../../src/features/github/transport.ts'

const repo = { ownerName: 'Foundry376', name: 'Mailspring', movedTo: null }
const byNumber = { ...repo, movedTo: '/repositories/1000' }
const noon = Date.parse('2026-11-20T12:00:00Z')

/** The port as the hub has it, before a played GitHub at 1.10.8 and a clock that is set by hand. */
function setUp({ token, within }: { token?: string; within?: number } = {}) {
  const github = playGithub()
  github.publish('Foundry376/Mailspring', '1.10.8', [{ name: 'a.deb', bytes: new Uint8Array(5) }])
  const counted: string[] = []
  const stopping = new AbortController()
  let now = noon
  const port = createGithub({
    baseUrl: github.url,
    token,
    clock: { now: () => new Date(now) },
    metrics: { githubAnswered: (kind) => void counted.push(kind) },
    stopping: stopping.signal,
    ...(within === undefined ? {} : { within })
  })
  return {
    github,
    port,
    counted,
    stopping,
    wait: (seconds: number) => {
      now += seconds * 1000
    },
    /** Asks once, where GitHub answers so. */
    async given(answer: Response, credentials: { token?: string } = {}) {
      github.answer(() => answer)
      const said = await port.latestRelease(repo, credentials)
      github.answer(undefined)
      return said
    },
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose]()
  }
}

const plain = (status: number, headers: Record<string, string> = {}, message = '') =>
  Response.json({ message }, { status, headers })
const asset = { id: 1, name: 'a.deb', size: 1, browser_download_url: 'https://github.com/a.deb' }
const release = { tag_name: '1.10.8', assets: [asset] }
const inSeconds = (seconds: number) => ({ kind: 'quota', until: new Date(noon + seconds * 1000) }) as const

describe('the latest release', () => {
  test('is what GitHub says, and unchanged where it says so', async () => {
    await using t = setUp()
    const answer = await t.port.latestRelease({ ...repo, ownerName: 'foundry376' })
    expect(answer).toEqual({
      kind: 'release',
      release: {
        ownerName: 'Foundry376',
        name: 'Mailspring',
        version: '1.10.8',
        assets: [
          {
            githubId: expect.any(Number),
            name: 'a.deb',
            url: 'https://github.com/Foundry376/Mailspring/releases/download/1.10.8/a.deb',
            size: 5,
            digest: expect.stringMatching(/^[0-9a-f]{64}$/)
          }
        ]
      },
      etag: expect.stringMatching(/^W\/"[0-9a-f]{64}"$/),
      movedTo: null
    })
    const { etag } = answer as { etag: string }
    expect(await t.port.latestRelease(repo, { etag })).toEqual({ kind: 'unchanged' })
    t.github.publish('Foundry376/Mailspring', '1.10.9')
    expect(await t.port.latestRelease(repo, { etag })).toMatchObject({ kind: 'release', release: { version: '1.10.9' } })
    expect(t.counted).toEqual(['release', 'unchanged', 'release'])
  })

  test.each([
    [404, 'missing'],
    [410, 'missing'],
    [401, 'token'],
    [403, 'refused'],
    [451, 'refused'],
    [400, 'unreachable'],
    [500, 'unreachable'],
    [503, 'unreachable']
  ])('status %i: %s', async (status, kind) => {
    await using t = setUp()
    expect(await t.given(plain(status))).toMatchObject({ kind })
    expect(t.counted).toEqual([kind])
  })

  test('assets that are still being uploaded are not there yet', async () => {
    await using t = setUp()
    const assets = [asset, { ...asset, id: 2, state: 'starter' }, { ...asset, id: 3, state: 'uploaded', digest: 'md5:1' }]
    expect(await t.given(Response.json({ ...release, assets }))).toMatchObject({
      release: { assets: [{ githubId: 1 }, { githubId: 3, digest: null }] }
    })
  })
})

describe('what makes no sense', () => {
  const odd: [string, unknown][] = [
    ['no JSON', '<html>Unicorn!</html>'],
    ['nothing', ''],
    ['half of it', '{"tag_name":"1.0","assets":['],
    ['a list', []],
    ['null', 'null'],
    ['no version', { assets: [] }],
    ['a version of two lines', { ...release, tag_name: '1.0\n2.0' }],
    ['a version that is none', { ...release, tag_name: '' }],
    ['a version that is a number', { ...release, tag_name: 1 }],
    ['no assets', { tag_name: '1.0' }],
    ['assets that are none', { ...release, assets: [null] }],
    ['a file in another folder', { ...release, assets: [{ ...asset, name: '../../etc/passwd' }] }],
    ['a file that is a folder', { ...release, assets: [{ ...asset, name: '..' }] }],
    ['a size below zero', { ...release, assets: [{ ...asset, size: -1 }] }],
    ['a number that is none', { ...release, assets: [{ ...asset, id: 'x' }] }],
    ['a script for an address', { ...release, assets: [{ ...asset, browser_download_url: 'javascript:alert(1)' }] }],
    ['more assets than there may be', { ...release, assets: Array.from({ length: 1001 }, (_, id) => ({ ...asset, id })) }],
    ['a nest', '['.repeat(100_000)]
  ]

  test.each(odd)('%s', async (_what, said) => {
    await using t = setUp()
    expect(await t.given(new Response(typeof said === 'string' ? said : JSON.stringify(said)))).toEqual({ kind: 'nonsense' })
    expect(await t.port.latestRelease(repo)).toMatchObject({ kind: 'release' })
  })

  test('text that is none is made into some, and an ETag that is none is left out', async () => {
    await using t = setUp()
    const said = JSON.stringify({ ...release, tag_name: 'v1?' }).replace('?', String.raw`\ud800`)
    expect(await t.given(new Response(said, { headers: { etag: 'x' } }))).toMatchObject({
      release: { version: 'v1\ufffd' },
      etag: null
    })
  })

  test('an answer without an end is cut off', async () => {
    await using t = setUp()
    const cancelled = Promise.withResolvers<void>()
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(32)),
      cancel: () => cancelled.resolve()
    })
    expect(await t.given(new Response(endless))).toEqual({ kind: 'nonsense' })
    await cancelled.promise
  })

  test('nothing is unpacked', async () => {
    await using t = setUp()
    const packed = Bun.gzipSync(new Uint8Array(50 * 1024 * 1024).fill(32))
    expect(await t.given(new Response(packed, { headers: { 'content-encoding': 'gzip' } }))).toEqual({ kind: 'nonsense' })
    expect(t.github.asked[0]?.headers.get('accept-encoding')).toBe('identity')
  })
})

describe('a GitHub that does not answer', () => {
  test('is not waited for', async () => {
    await using t = setUp({ within: 100 })
    t.github.answer(() => new Promise<Response>(() => {}))
    expect(await t.port.latestRelease(repo)).toEqual({ kind: 'unreachable', why: 'TimeoutError' })
  })

  test('in full is not waited for', async () => {
    await using t = setUp({ within: 100 })
    t.github.answer(() => new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(9)) })))
    expect(await t.port.latestRelease(repo)).toEqual({ kind: 'unreachable', why: 'TimeoutError' })
  })

  test('holds up only so many at a time, and those who wait behind them no longer', async () => {
    await using t = setUp({ within: 300 })
    t.github.answer(() => new Promise<Response>(() => {}))
    const answers = await Promise.all(Array.from({ length: 30 }, () => t.port.latestRelease(repo)))
    expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['unreachable']))
    expect(t.github.asked).toHaveLength(8)
    t.github.answer(undefined)
    expect(await t.port.latestRelease(repo)).toMatchObject({ kind: 'release' })
  })

  test('at all is said to be away', async () => {
    const t = setUp()
    await t.github[Symbol.asyncDispose]()
    expect(await t.port.latestRelease(repo)).toMatchObject({ kind: 'unreachable', why: 'ECONNREFUSED' })
  })

  test('is left when the hub stops', async () => {
    await using t = setUp()
    const asked = Promise.withResolvers<void>()
    t.github.answer(() => {
      asked.resolve()
      return new Promise<Response>(() => {})
    })
    const answer = t.port.latestRelease(repo)
    await asked.promise
    t.stopping.abort()
    expect(await answer).toMatchObject({ kind: 'unreachable' })
    expect(t.port.isStopping()).toBe(true)
  })
})

describe('a quota that is spent', () => {
  const spent = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(noon / 1000 + 600) }
  test.each([
    ['until the reset', plain(403, spent), 600],
    ['until the reset, by 429', plain(429, spent), 600],
    ['as long as it says', plain(429, { ...spent, 'retry-after': '30' }), 30],
    ['as long as it says, by 403', plain(403, { 'retry-after': '90' }), 90],
    ['a minute where it says nothing', plain(429), 60],
    ['a minute where it says so in words', plain(403, {}, 'You have exceeded a secondary rate limit.'), 60],
    ['a minute where it says what is no time', plain(429, { 'retry-after': 'soon' }), 60],
    ['a minute where the reset has passed', plain(429, { ...spent, 'x-ratelimit-reset': '1' }), 60],
    ['a day at most', plain(429, { 'retry-after': '99999999' }), 86_400]
  ])('leaves GitHub alone %s', async (_how, refusal, seconds) => {
    await using t = setUp()
    expect(await t.given(refusal)).toEqual(inSeconds(seconds))
    t.wait(seconds - 1)
    expect(await t.port.latestRelease(repo)).toEqual(inSeconds(seconds))
    expect(t.github.asked).toHaveLength(1)
    t.wait(2)
    expect(await t.port.latestRelease(repo)).toMatchObject({ kind: 'release' })
  })

  test('is given twice as long each time that GitHub does not say how long', async () => {
    await using t = setUp()
    expect(await t.given(plain(429))).toEqual(inSeconds(60))
    t.wait(60)
    expect(await t.given(plain(429))).toEqual(inSeconds(60 + 120))
    t.wait(120)
    expect(await t.given(plain(429))).toEqual(inSeconds(180 + 240))
    t.wait(240)
    await t.port.latestRelease(repo)
    expect(await t.given(plain(429))).toEqual(inSeconds(420 + 60))
  })

  test('is noticed with its last answer', async () => {
    await using t = setUp()
    t.github.setQuota(1, noon / 1000 + 600)
    expect(await t.port.latestRelease(repo)).toMatchObject({ kind: 'release' })
    expect(await t.port.latestRelease(repo)).toEqual(inSeconds(600))
    expect(t.github.asked).toHaveLength(1)
  })

  test('is of one credential', async () => {
    await using t = setUp()
    t.github.accept('ghp_ada')
    expect(await t.given(plain(429), { token: 'ghp_ada' })).toEqual(inSeconds(60))
    expect(await t.port.latestRelease(repo, { token: 'ghp_ada' })).toEqual(inSeconds(60))
    expect(await t.port.latestRelease(repo)).toMatchObject({ kind: 'release' })
  })
})

describe('redirects', () => {
  test('of a renamed repo lead to its number, which is asked for from then on', async () => {
    await using t = setUp()
    t.github.rename('Foundry376/Mailspring', 'Getmailspring/Mailspring')
    expect(await t.port.latestRelease(repo)).toMatchObject({
      kind: 'release',
      release: { ownerName: 'Getmailspring', name: 'Mailspring' },
      movedTo: '/repositories/1000'
    })
    expect(await t.port.latestRelease(byNumber)).toMatchObject({ kind: 'release', movedTo: null })
    expect(t.github.asked.map(({ path }) => path)).toEqual([
      '/repos/Foundry376/Mailspring/releases/latest',
      '/repositories/1000/releases/latest',
      '/repositories/1000/releases/latest'
    ])
  })

  test('that are not for good are followed, and not kept', async () => {
    await using t = setUp()
    t.github.answer(({ path }) =>
      path.startsWith('/repos/')
        ? new Response(null, { status: 307, headers: { location: '/repositories/1000/releases/latest' } })
        : undefined
    )
    expect(await t.port.latestRelease(repo)).toMatchObject({ kind: 'release', movedTo: null })
  })

  test.each(['', 'http://', 'file:///etc/passwd', 'https://example.org/', 'http://127.0.0.1:1/', '//169.254.169.254/latest'])(
    'of the API to %j are not followed',
    async (location) => {
      await using t = setUp({ token: 'ghp_hub' })
      expect(await t.given(new Response(null, { status: 302, headers: { location } }))).toEqual({ kind: 'nonsense' })
    }
  )

  test('in a circle come to an end', async () => {
    await using t = setUp()
    t.github.answer(({ path }) => new Response(null, { status: 302, headers: { location: path } }))
    expect(await t.port.latestRelease(repo)).toEqual({ kind: 'nonsense' })
    expect(t.github.asked.length).toBeLessThan(8)
  })

  test.each([
    ['https://release-assets.githubusercontent.com/a?sig=1', true],
    ['https://github.com/a', true],
    ['https://sub.api.github.com/a', true],
    ['http://release-assets.githubusercontent.com/a', false],
    ['https://user:word@github.com/a', false],
    ['https://127.0.0.1/a', false],
    ['https://2130706433/a', false],
    ['https://[::1]/a', false],
    ['https://10.1.2.3/a', false],
    ['https://169.254.169.254/a', false],
    ['https://localhost/a', false],
    ['https://a.localhost/a', false],
    ['https://metadata.google.internal/a', false],
    ['https://printer.local./a', false],
    ['https://intranet/a', false],
    ['ftp://github.com/a', false]
  ])('of assets to %s: %p', (url, allowed) => {
    expect(mayLead(new URL(url), new URL('https://api.github.com'))).toBe(allowed)
  })
})
