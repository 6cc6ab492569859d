import { createHash } from 'node:crypto'

export type PlayedAsset = { name: string; bytes: Uint8Array<ArrayBuffer>; size?: number; digest?: string | null }
type Release = { id: number; version: string; assets: (PlayedAsset & { id: number })[] }
type Repo = { id: number; fullName: string; release: Release | undefined; isPrivate: boolean }
type Asked = { method: string; path: string; headers: Headers }
type Answer = Response | Promise<Response>

export type PlayedGithub = ReturnType<typeof playGithub>

const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  Response.json(body, { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers } })
const notFound = () => json({ message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' }, 404)

/**
 * GitHub on this machine, as far as the hub asks it: latest releases with ETags, repos that were renamed or are private, quotas,
 * and assets on a host of their own that wants no token. It keeps what it was asked.
 */
export function playGithub() {
  const repos: Repo[] = []
  const names = new Map<string, Repo>()
  const tokens = new Set<string>()
  const asked: Asked[] = []
  const fetched: Asked[] = []
  let numbers = 1000
  let quota: { remaining: number; reset: number } | undefined
  let instead: ((asked: Asked) => Answer | undefined) | undefined

  const noteOf = ({ method, url, headers }: Request): Asked => ({ method, path: new URL(url).pathname, headers })

  const storage = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const note = noteOf(request)
      fetched.push(note)
      if (request.headers.has('authorization')) return new Response('Only one credential is allowed', { status: 400 })
      const asset = assetBy(Number(note.path.split('/').at(-1)))
      return asset ? new Response(asset.bytes, { headers: { 'content-type': 'application/octet-stream' } }) : notFound()
    }
  })

  const api = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const note = noteOf(request)
      asked.push(note)
      const answer = await (instead?.(note) ?? answerTo(note))
      if (quota) for (const [name, value] of Object.entries(quota)) answer.headers.set(`x-ratelimit-${name}`, String(value))
      return answer
    }
  })
  const base = `http://127.0.0.1:${api.port}`

  /** Why it answers nothing else: the token, or the quota. */
  function refusalTo(token: string | undefined) {
    if (token !== undefined && !tokens.has(token)) return json({ message: 'Bad credentials', status: '401' }, 401)
    if (quota?.remaining === 0) return json({ message: 'API rate limit exceeded for 127.0.0.1.' }, 403)
    if (quota) quota.remaining--
    return undefined
  }

  function answerTo({ path, headers }: Asked): Response {
    const token = headers.get('authorization')?.replace(/^Bearer /, '')
    const refusal = refusalTo(token)
    if (refusal) return refusal
    const [, start = '', rest = ''] = path.match(/^(\/repositories\/\d+|\/repos\/[^/]+\/[^/]+)(\/.*)$/) ?? []
    const repo = repoAt(start)
    if (!repo || (repo.isPrivate && token === undefined)) return notFound()
    const byNumber = `/repositories/${repo.id}`
    if (start !== byNumber && start.toLowerCase() !== `/repos/${repo.fullName}`.toLowerCase()) {
      const url = base + byNumber + rest
      return json({ message: 'Moved Permanently', url }, 301, { location: url })
    }
    return rest === '/releases/latest' ? latestOf(repo, headers) : assetOf(rest)
  }

  const repoAt = (path: string) =>
    repos.find(({ id }) => path === `/repositories/${id}`) ?? names.get(path.replace('/repos/', '').toLowerCase())

  function latestOf({ fullName, release }: Repo, headers: Headers) {
    if (!release) return notFound()
    const body = written(fullName, release)
    const etag = `W/"${createHash('sha256').update(JSON.stringify(body)).digest('hex')}"`
    return headers.get('if-none-match') === etag
      ? new Response(null, { status: 304, headers: { etag } })
      : json(body, 200, { etag })
  }

  function assetOf(path: string) {
    const asset = assetBy(Number(path.match(/^\/releases\/assets\/(\d+)$/)?.[1]))
    if (!asset) return notFound()
    return new Response(null, { status: 302, headers: { location: `http://127.0.0.1:${storage.port}/assets/${asset.id}` } })
  }

  const assetBy = (id: number) => repos.flatMap(({ release }) => release?.assets ?? []).find((asset) => asset.id === id)

  function written(fullName: string, { id, version, assets }: Release) {
    return {
      id,
      url: `${base}/repos/${fullName}/releases/${id}`,
      html_url: `https://github.com/${fullName}/releases/tag/${version}`,
      tag_name: version,
      name: `Version ${version}`,
      draft: false,
      prerelease: false,
      assets: assets.map(({ id: assetId, name, bytes, size = bytes.length, digest = digestOf(bytes) }) => ({
        id: assetId,
        name,
        state: 'uploaded',
        content_type: 'application/octet-stream',
        size,
        digest,
        browser_download_url: `https://github.com/${fullName}/releases/download/${version}/${name}`
      })),
      body: 'What is new'
    }
  }

  function repoNamed(fullName: string) {
    const known = names.get(fullName.toLowerCase())
    if (known) return known
    const repo: Repo = { id: numbers++, fullName, release: undefined, isPrivate: false }
    repos.push(repo)
    names.set(fullName.toLowerCase(), repo)
    return repo
  }

  return {
    /** Where its API is. */
    url: base,
    /** Every request to the API so far, and every one to where the assets are. */
    asked,
    fetched,
    /** Publishes a release; the repo is there from then on. */
    publish(fullName: string, version: string, assets: PlayedAsset[] = []) {
      repoNamed(fullName).release = { id: numbers++, version, assets: assets.map((asset) => ({ ...asset, id: numbers++ })) }
    },
    /** Adds an asset to the release that is the latest. */
    attach: (fullName: string, asset: PlayedAsset) => void repoNamed(fullName).release?.assets.push({ ...asset, id: numbers++ }),
    /** Takes away a repo's releases. */
    unpublish(fullName: string) {
      repoNamed(fullName).release = undefined
    },
    /** Gives a repo another name; the old one leads to it. */
    rename(fullName: string, to: string) {
      const repo = repoNamed(fullName)
      repo.fullName = to
      names.set(to.toLowerCase(), repo)
    },
    /** Shows a repo only to those who have a token, or to all again. */
    hide(fullName: string) {
      repoNamed(fullName).isPrivate = true
    },
    show(fullName: string) {
      repoNamed(fullName).isPrivate = false
    },
    /** Makes a token known. */
    accept: (token: string) => void tokens.add(token),
    /** So many more requests are answered, then none until `reset` (seconds since 1970). */
    setQuota(remaining: number, reset: number) {
      quota = { remaining, reset }
    },
    /** From now on answers otherwise, where that is not undefined. */
    answer(otherwise: ((asked: Asked) => Answer | undefined) | undefined) {
      instead = otherwise
    },
    [Symbol.asyncDispose]: async () => void (await Promise.all([api.stop(true), storage.stop(true)]))
  }
}

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
