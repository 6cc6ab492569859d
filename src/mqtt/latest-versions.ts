import type { Client } from 'aedes'
import type { Notice } from '../features/notices/kinds.ts'
import { type Architecture, architectures } from '../features/releases/columns.ts'
import { urlOf } from '../features/releases/links.ts'
import type { Hub } from '../hub.ts'
import { createFreshness } from './freshness.ts'
import { createGroups } from './groups.ts'
import type { News, Occasion } from './news.ts'
import type { Outbox, Told } from './outbox.ts'
import { applicationIn } from './public-topics.ts'
import { topics } from './topics.ts'

type Needs = { hub: Hub; outbox: Outbox; news: News }
type Occurrence = { occasion: Occasion; notice?: Told }

/** The topics that say which release of an application is the latest: views of the database, told to whoever has subscribed. */
export function createLatestVersions({ hub, outbox, news }: Needs) {
  const freshness = createFreshness()
  const listeners = createGroups<Client>()
  const heardBy = new WeakMap<Client, Set<string>>()

  /** Notes that a client hears of an application, as long as it is connected. */
  function listen(client: Client, app: string) {
    if (client.closed) return
    const apps = heardBy.get(client) ?? new Set<string>()
    heardBy.set(client, apps.add(app))
    listeners.add(app, client)
  }

  /** Tells clients what an application offers for an architecture now. */
  const tellLatest = (
    clients: Iterable<Client>,
    app: string,
    { architecture, ...occurrence }: Occurrence & { architecture: Architecture }
  ) =>
    freshness.use(
      () => hub.latestReleases.of(app, architecture),
      (offer) => {
        const topic = topics.latestVersion.of({ app, architecture })
        const release = offer?.release
        const url = release && urlOf(release, hub.address())
        // An empty payload is MQTT's way of saying that a retained topic has no value any more.
        const payload = Buffer.from(release ? JSON.stringify({ build_id: release.id, version: release.version, url }) : '')
        const { occasion, notice } = occurrence
        const message = { topic, payload, qos: 1 as const, retain: occasion === 'retained', replaceable: true, notice }
        for (const client of clients) {
          if (!outbox.wants(client, topic) || !news.isNews(client, topic, { id: release?.id, occasion })) continue
          outbox.deliver(client, message)
        }
      }
    )

  async function tellAll(app: string, notice: Notice, which: readonly Architecture[] = architectures) {
    const told = { on: 'latest-version', at: notice.at }
    freshness.changed()
    for (const architecture of which) await tellLatest(listeners.of(app), app, { architecture, occasion: 'live', notice: told })
  }

  return {
    /** Forgets a client whose connection has ended. */
    left(client: Client) {
      for (const app of heardBy.get(client) ?? []) listeners.remove(app, client)
    },

    /** Tells a client what it finds on the topics that its filters cover. */
    async greet(client: Client, filters: string[], occasion: Occasion) {
      for (const app of new Set(filters.map(applicationIn))) {
        if (app === undefined) continue
        listen(client, app)
        for (const architecture of architectures) await tellLatest([client], app, { architecture, occasion })
      }
    },

    /** Tells of a change to those whom it concerns. */
    async tell(notice: Notice) {
      switch (notice.type) {
        case 'release.published':
        case 'release.withdrawn':
        case 'release.reinstated': {
          const { application_id: app, architecture } = notice.data
          return tellAll(
            app,
            notice,
            architectures.filter((one) => one === architecture)
          )
        }
        case 'application.deleted':
          return tellAll(notice.data.application_id, notice)
        case 'team.deleted':
        case 'account.deleted':
          for (const app of listeners.keys()) await tellAll(app, notice)
          return
        default:
          return
      }
    }
  }
}
