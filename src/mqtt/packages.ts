import type { Client } from 'aedes'
import type { Notice } from '../features/notices/kinds.ts'
import type { Latest } from '../features/packages/latest.ts'
import type { Hub } from '../hub.ts'
import { createFreshness } from './freshness.ts'
import type { Occasion } from './news.ts'
import type { Outbox, Told } from './outbox.ts'
import { covers, topics } from './topics.ts'

// As many as a client may leave unacknowledged: what waits for a slow reader of all packages is a page.
const page = 100
const namesAtMost = 1000

type Which = { names: Set<string>; all: boolean }

/** The topics that say which recipe of a package is the latest: views of the database, as HTTP would answer. */
export function createPackageTopics({ hub, outbox }: { hub: Hub; outbox: Outbox }) {
  const freshness = createFreshness()
  const followers = new Set<Client>()
  // What each follower of single packages was told last of them: nothing is said twice. Of all packages that would be too much to keep.
  const told = new WeakMap<Client, Map<string, string | undefined>>()
  // Who subscribes to all packages once more is told of them anew: what was still to be told before is told by that.
  const underWay = new WeakMap<Client, symbol>()

  function followNames(client: Client, names: Set<string>) {
    const known = told.get(client) ?? new Map<string, string | undefined>()
    told.set(client, known)
    if (known.size + names.size > namesAtMost) known.clear() // at worst something is said twice
    for (const name of names) if (!known.has(name)) known.set(name, undefined)
  }

  function isNews(client: Client, { name, latest }: Latest, occasion: Occasion) {
    const known = told.get(client)
    if (!known?.has(name)) return latest !== null || occasion === 'live'
    const before = known.get(name)
    known.set(name, latest?.id)
    return occasion === 'live' ? before !== latest?.id : latest !== null
  }

  function deliver(client: Client, row: Latest, { occasion, notice }: { occasion: Occasion; notice?: Told }) {
    const { name, latest } = row
    if (!isNews(client, row, occasion)) return
    // An empty payload is MQTT's way of saying that a retained topic has no value any more.
    const payload = Buffer.from(latest === null ? '' : JSON.stringify(latest))
    const topic = topics.packageLatest.of({ name })
    outbox.deliver(client, { topic, payload, qos: 1, retain: occasion === 'retained', replaceable: true, notice })
  }

  async function tellAll(client: Client, occasion: Occasion) {
    const mine = Symbol()
    underWay.set(client, mine)
    let from: string | undefined = ''
    while (from !== undefined && !client.closed && underWay.get(client) === mine) {
      const after: string = from
      from = await freshness.use(
        () => hub.packages.latestAfter(after, page),
        (rows) => {
          for (const row of rows) deliver(client, row, { occasion })
          return rows.length < page ? undefined : rows.at(-1)?.name
        }
      )
      await outbox.idle(client)
    }
  }

  const read = async (names: Set<string>) => (await Promise.all([...names].map(hub.packages.latestOf))).flat()

  return {
    /** Forgets a client whose connection has ended. */
    left: (client: Client) => void followers.delete(client),

    /** Tells a client what it finds on the topics that its filters cover. */
    async greet(client: Client, filters: string[], occasion: Occasion) {
      const { names, all } = whichOf(filters)
      if ((all || names.size > 0) && !client.closed) followers.add(client)
      followNames(client, names)
      if (all) return tellAll(client, occasion)
      if (names.size === 0) return
      await freshness.use(
        () => read(names),
        (rows) => {
          for (const row of rows) deliver(client, row, { occasion })
        }
      )
    },

    /** Tells of another latest recipe to those who follow the package. */
    async tell({ type, data, at }: Notice) {
      if (type !== 'package.latest') return
      freshness.changed()
      if (followers.size === 0) return
      const rows = await hub.packages.latestOf(data.package)
      // Where it is another by now there is a notice of that, which tells it.
      const still = rows.filter(({ latest }) => latest?.id === data.latest?.id)
      for (const row of still)
        for (const client of followers) deliver(client, row, { occasion: 'live', notice: { on: 'package', at } })
    }
  }
}

/** Which packages filters reach: some by name, or all. */
function whichOf(filters: string[]): Which {
  const names = new Set<string>()
  let all = false
  for (const filter of filters) {
    const [, name = '#'] = filter.split('/')
    const isWildcard = name === '+' || name === '#'
    if (!covers(filter, topics.packageLatest.of({ name: isWildcard ? 'any' : name }))) continue
    if (isWildcard) all = true
    else names.add(name)
  }
  return { names, all }
}
