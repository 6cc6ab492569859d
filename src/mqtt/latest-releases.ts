import type { Client } from 'aedes'
import type { Notice } from '../features/notices/kinds.ts'
import type { Repo } from '../features/repos/watch-lists.ts'
import type { Hub } from '../hub.ts'
import type { Connections } from './connections.ts'
import { createFreshness } from './freshness.ts'
import type { News, Occasion } from './news.ts'
import type { Outbox, Told } from './outbox.ts'
import { principalOf } from './principals.ts'
import type { Sessions } from './sessions.ts'
import { covers, topics } from './topics.ts'

type Needs = { hub: Hub; connections: Connections; outbox: Outbox; sessions: Sessions; news: News }
type Message = ReturnType<typeof messageOf>
type Listener = { client: Client; occasion: Occasion; notice?: Told }

const topicOf = ({ ownerName: owner, name }: Pick<Repo, 'ownerName' | 'name'>) => topics.latestRelease.of({ owner, name })
const anyRepo = topics.latestRelease.of({ owner: ' ', name: ' ' }) // no repo is called so: only `+` and `#` cover it

/** What a repo's topic says. `id` is another for anything else that it says. */
function messageOf(repo: Repo) {
  const assets = repo.assets.map(({ id: _id, name, url }) => ({ name, url, _id }))
  const payload = Buffer.from(JSON.stringify({ version: repo.latestVersion, assets }))
  return { topic: topicOf(repo), payload, id: Bun.hash(payload).toString() }
}

/** Whether a filter is of topics of repos. */
export const isOfRepos = (filter: string) => filter.startsWith('repos/')

/** Whether a user may subscribe to a filter: one that covers a repo on their watch list, or whichever are on it, now or later. */
export const mayHearReleases = async (hub: Hub, userId: string, filter: string) =>
  covers(filter, anyRepo) || (await hub.repos.names(userId)).some((repo) => covers(filter, topicOf(repo)))

/** The latest releases of repos, told to those who watch them: views of the database. */
export function createLatestReleases({ hub, connections, outbox, sessions, news }: Needs) {
  const freshness = createFreshness()

  function tellOf({ topic, payload, id }: Message, { client, occasion, notice }: Listener) {
    if (!outbox.wants(client, topic) || !news.isNews(client, topic, { id, occasion })) return
    outbox.deliver(client, { topic, payload, qos: 1, retain: occasion === 'retained', replaceable: true, notice })
  }

  /** Tells the watchers of a repo who are here, and do not know it yet. */
  async function tellWatchers(repoId: string, at: Date) {
    const [repo, watchers] = await Promise.all([hub.repos.byId(repoId), hub.repos.watchersOf(repoId)])
    freshness.changed()
    if (!repo) return
    const message = messageOf(repo)
    for (const userId of watchers) {
      for (const client of connections.ofUser(userId))
        tellOf(message, { client, occasion: 'live', notice: { on: 'latest-release', at } })
    }
  }

  /** Says that there is nothing any more on the topic of a repo that a user has taken off the list. */
  function tellEnd(userId: string, topic: string) {
    freshness.changed()
    sessions.forget({ kind: 'user', id: userId }, (message) => message.topic === topic)
    for (const client of connections.ofUser(userId)) {
      if (!news.isNews(client, topic, { id: undefined, occasion: 'live' })) continue
      outbox.deliver(client, { topic, payload: Buffer.alloc(0), qos: 1, retain: false, replaceable: true })
    }
  }

  return {
    /** Tells a client the latest releases that its filters cover. */
    async greet(client: Client, filters: string[], occasion: Occasion) {
      const principal = principalOf(client)
      const wanted = filters.filter(isOfRepos)
      if (principal?.kind !== 'user' || wanted.length === 0) return
      await freshness.use(
        () => hub.repos.list(principal.id),
        (repos) => {
          const covered = repos.filter((repo) => wanted.some((filter) => covers(filter, topicOf(repo))))
          for (const repo of covered) tellOf(messageOf(repo), { client, occasion })
        }
      )
    },

    /** Tells of a change to those whom it concerns. */
    async tell(notice: Notice) {
      switch (notice.type) {
        case 'repo.released':
        case 'repo.assets':
        case 'repo.added':
          return tellWatchers(notice.data.repo_id, notice.at)
        case 'repo.removed':
          return tellEnd(notice.userId ?? '', `repos/${notice.data.repo}/latest-release`)
        default:
          return
      }
    }
  }
}
