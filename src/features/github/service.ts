import { Octokit } from '@octokit/core'
import type { Clock } from '../../lib/clock.ts'
import { hashSecret } from '../../lib/secrets.ts'
import { createSlots } from '../../lib/slots.ts'
import type { Metrics } from '../metrics/service.ts'
import { type Failure, failureOf, type Headers } from './failures.ts'
import { createQuota } from './quota.ts'
import { type LatestRelease, type RepoName, readRelease } from './release.ts'
import { fetchByRule, readUpTo } from './transport.ts'

const answerAtMost = 4 * 1024 * 1024
const complaintAtMost = 64 * 1024
const requestsAtOnce = 8
const agent = 'updraft'
const apiVersion = '2022-11-28'

/** What GitHub has said. `movedTo`: where it wants to be asked from now on. */
export type Answer =
  | { kind: 'release'; release: LatestRelease; etag: string | null; movedTo: string | null }
  | { kind: 'unchanged' }
  | Failure

/** Whom to ask about: by name, or by where GitHub said that it has moved. */
export type Whereabouts = RepoName & { movedTo: string | null }

export type Github = ReturnType<typeof createGithub>

type Needs = {
  baseUrl: string
  /** The hub's own. */
  token: string | undefined
  clock: Clock
  metrics: Pick<Metrics, 'githubAnswered'>
  stopping: AbortSignal
  /** How long an answer may take in all, in ms; replaceable in tests. */
  within?: number
}
type Question = {
  path: string
  accept: string
  etag?: string | null | undefined
  token?: string | undefined
  elsewhere: 'refused' | 'followed'
  signal: AbortSignal
}
type Reply = { headers: Headers; body: AsyncIterable<Uint8Array> | null; movedTo: string | null }

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** GitHub's API: asked in bounded time, with bounded answers, and never while it wants to be left alone. */
export function createGithub({ baseUrl, token: ownToken, clock, metrics, stopping, within = 10_000 }: Needs) {
  const base = new URL(baseUrl)
  const octokit = new Octokit({ baseUrl, userAgent: agent, log: silent })
  const quota = createQuota(clock)
  const slots = createSlots(requestsAtOnce)

  async function send({ path, accept, etag, token = ownToken, elsewhere, signal }: Question): Promise<Reply> {
    let movedTo: string | null = null
    const moved = (target: string) => {
      movedTo = targetOf(target, base)
    }
    const { headers, data } = await octokit.request(`GET ${path}`, {
      headers: {
        accept,
        'x-github-api-version': apiVersion,
        ...(etag ? { 'if-none-match': etag } : {}),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      },
      request: {
        signal,
        parseSuccessResponseBody: false,
        fetch: async (url: string, init: RequestInit) =>
          withoutForeignText(await fetchByRule(url, init, { base, elsewhere, moved }))
      }
    })
    return { headers, body: data instanceof ReadableStream ? data : null, movedTo }
  }

  /** Asks in a slot; what cannot be answered is a failure, not an error. */
  async function ask<T>(question: Question, read: (reply: Reply) => Promise<T>): Promise<T | Failure | { kind: 'unchanged' }> {
    const credential = question.token === undefined ? '' : hashSecret(question.token)
    const until = quota.quietUntil(credential)
    if (until) return { kind: 'quota', until }
    try {
      return await slots.use(question.signal, async () => {
        const reply = await send(question)
        quota.answered(credential, reply.headers)
        return read(reply)
      })
    } catch (error) {
      return failureOf(error, {
        spent: (headers) => quota.spent(credential, headers),
        answered: (headers) => quota.answered(credential, headers)
      })
    }
  }

  return {
    /** Whether the hub is stopping: what is under way breaks off, for no fault of GitHub's. */
    isStopping: () => stopping.aborted,

    /** The latest release of a repo, in full and published; `unchanged` where it is still that of `etag`. */
    async latestRelease(
      repo: Whereabouts,
      { etag, token }: { etag?: string | null; token?: string | undefined } = {}
    ): Promise<Answer> {
      const question: Question = {
        path: `${pathOf(repo)}/releases/latest`,
        accept: 'application/vnd.github+json',
        etag,
        token,
        elsewhere: 'refused',
        signal: AbortSignal.any([AbortSignal.timeout(within), stopping])
      }
      const answer = await ask(question, async ({ headers, body, movedTo }): Promise<Answer> => {
        const release = readRelease(parsed(await readUpTo(body, answerAtMost)), repo)
        return release ? { kind: 'release', release, etag: etagIn(headers), movedTo } : { kind: 'nonsense' }
      })
      metrics.githubAnswered(answer.kind)
      return answer
    },

    /** The bytes of an asset, as they come; its address is made of numbers, never taken from an answer. */
    async asset(repo: Whereabouts, githubId: number, signal: AbortSignal) {
      const question: Question = {
        path: `${pathOf(repo)}/releases/assets/${githubId}`,
        accept: 'application/octet-stream',
        elsewhere: 'followed',
        signal: AbortSignal.any([signal, stopping])
      }
      const answer = await ask(question, async ({ body }) => ({ kind: 'bytes' as const, body }))
      metrics.githubAnswered(answer.kind)
      return answer
    }
  }
}

const pathOf = ({ movedTo, ownerName, name }: Whereabouts) => movedTo ?? `/repos/${ownerName}/${name}`

/** Where a repo has moved to, if that is by its number: it keeps that whatever it is called. */
function targetOf(path: string, base: URL) {
  const below = path.slice(base.pathname.replace(/\/$/, '').length)
  return below.match(/^(\/repositories\/\d{1,15})\/releases\//)?.[1] ?? null
}

/** Octokit reads what it takes for text or JSON on its own, as much as there is: of a complaint it is given little, and plain. */
async function withoutForeignText(response: Response) {
  if (response.status < 400) return response
  const text = await readUpTo(response.body, complaintAtMost).catch(() => null)
  return new Response(text, { status: response.status, headers: keptOf(response.headers) })
}

function keptOf(headers: Response['headers']) {
  const names = ['retry-after', 'x-ratelimit-remaining', 'x-ratelimit-reset']
  const kept = names.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) ?? ''] as [string, string]] : []))
  return new globalThis.Headers([...kept, ['content-type', 'text/plain']])
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

function etagIn({ etag }: Reply['headers']) {
  return typeof etag === 'string' && /^(W\/)?"[\x21\x23-\x7e]{1,200}"$/.test(etag) ? etag : null
}
