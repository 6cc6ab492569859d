import { playGithub } from '../../scripts/demo/github.ts'
import type { Notice } from '../../src/features/notices/kinds.ts'
import { testHub } from './hub.ts'

type Options = Parameters<typeof testHub>[0]

export const bytes = (text: string) => new TextEncoder().encode(text)

/** The repo of document 001, as it was. */
export const mailspring = { name: 'Mailspring', ownerName: 'Foundry376' }
export const mailspringAssets = [
  'mailspring-1.10.8-0.1.x86_64.rpm',
  'mailspring-1.10.8-amd64.deb',
  'Mailspring-1.10.8-full.nupkg',
  'Mailspring-AppleSilicon.zip',
  'Mailspring.zip',
  'MailspringSetup.exe',
  'RELEASES'
]

/** A hub that watches a played GitHub, where document 001's repo is at 1.10.8. */
export async function watchingHub({ env = {}, ...options }: Options = {}) {
  const github = playGithub()
  github.publish(
    'Foundry376/Mailspring',
    '1.10.8',
    mailspringAssets.map((name) => ({ name, bytes: bytes(name) }))
  )
  const hub = await testHub({ ...options, env: { GITHUB_API_URL: github.url, ...env } })
  return {
    ...hub,
    github,
    /** How often GitHub was asked for latest releases. */
    questions: () => github.asked.filter(({ path }) => path.endsWith('/releases/latest')).length,
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]()
      await github[Symbol.asyncDispose]()
    }
  }
}

export type WatchingHub = Awaited<ReturnType<typeof watchingHub>>
export type Watcher = Awaited<ReturnType<WatchingHub['user']>>

/** Puts a repo on a user's list; gives its id. */
export async function watch(user: Watcher, repo: { name: string; ownerName: string } = mailspring) {
  const { status, body } = await user.call('POST /repos', repo)
  if (status !== 201) throw new Error(`not watched: ${JSON.stringify(body)}`)
  return (body as { id: string }).id
}

type Listed = {
  _id: string
  name: string
  ownerName: string
  currentVersion: string
  latestVersion: string
  latestReleaseAssets: { name: string; url: string; _id: string }[]
}

/** A user's watch list. */
export const watchList = async (user: Watcher) => (await user.call('GET /repos')).body as Listed[]

const minute = 60_000

/** A hub whose clock is set by hand, with ada, who watches Mailspring. */
export async function pollingHub() {
  let now = Date.parse('2026-11-20T12:00:00Z')
  const hub = await watchingHub({ clock: { now: () => new Date(now) } })
  const ada = await hub.user('ada')
  await watch(ada)
  return {
    ...hub,
    ada,
    later: (minutes: number) => {
      now += minutes * minute
    },
    round: () => hub.hub.repos.poller.round(),
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]()
  }
}

/** Notes what is told of watched repos from now on. That they are watched may still be on its way. */
export function heardOn({ hub }: Pick<WatchingHub, 'hub'>) {
  const heard: [string, string | undefined][] = []
  hub.notices.listen((notice: Notice) => {
    if ('repo' in notice.data && notice.type !== 'repo.added')
      heard.push([notice.type, 'version' in notice.data ? notice.data.version : undefined])
  })
  return heard
}
