import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { between, createRandom } from '../../scripts/fleet/random.ts'
import { makeCast } from '../support/crash/cast.ts'
import { columnOf, damagedIn, findings } from '../support/crash/found.ts'
import { faultless } from '../support/crash/ledger.ts'
import { createLedgers, load } from '../support/crash/load.ts'
import { hubHome } from '../support/process.ts'

const kills = 200
const killsInStart = 20
const longest = 15 * 60_000

const seed = Number(process.env.UPDRAFT_TEST_SEED ?? 7)

test(
  `a hub that is killed ${kills} times under load has all that it acknowledged, once, and starts each time by itself`,
  async () => {
    await using home = await hubHome()
    const random = createRandom(seed)
    const first = await home.start()
    const cast = await makeCast(first)
    const ledgers = createLedgers()
    const starts: number[] = []
    let hub = first
    for (let kill = 0; kill < kills; kill++) {
      const over = new AbortController()
      const loading = load({ hub, cast, ledgers, over: over.signal })
      await Bun.sleep(between(50, 400, random))
      hub.child.kill('SIGKILL')
      over.abort()
      await Promise.all([hub.child.exited, loading])
      if (kill % (kills / killsInStart) === 0) await home.startAndKill(between(20, 500, random))
      const since = performance.now()
      hub = await home.start()
      starts.push(performance.now() - since)
    }

    const found = findings(hub, cast)
    expect({
      beats: ledgers.beats.faults(await found.linesOf('lamp')),
      words: ledgers.words.faults(await found.linesOf('fan')),
      entries: ledgers.entries.faults(await found.entries()),
      recipes: ledgers.recipes.faults(await found.versions()),
      builds: ledgers.builds.faults((await found.builds()).map(({ version }) => version).slice(0, -1)), // but the first, which the cast made
      images: ledgers.images.faults(columnOf(home.dataDir, 'deployments', 'sha256'))
    }).toEqual({
      beats: faultless,
      words: faultless,
      entries: faultless,
      recipes: faultless,
      builds: faultless,
      images: faultless
    })
    const votes = await found.votes()
    expect(votes).toBeGreaterThanOrEqual(ledgers.votes.acknowledged.size)
    expect(votes).toBeLessThanOrEqual(ledgers.votes.asked.size)
    expect(await found.brokenChains()).toEqual({ applications: 3, broken: [] })
    hub.child.kill('SIGTERM')
    expect(await hub.child.exited).toBe(0)

    const { damaged, names } = await damagedIn(join(home.dataDir, 'blobs'))
    expect(damaged).toEqual([])
    for (const table of ['deployments', 'releases', 'recipes'])
      expect([table, columnOf(home.dataDir, table, 'sha256').filter((digest) => !names.has(digest))]).toEqual([table, []])

    starts.sort((one, other) => one - other)
    const written = Object.entries(ledgers).map(([kind, { acknowledged }]) => `${acknowledged.size} ${kind}`)
    const [median = 0, worst = 0] = [starts[Math.floor(starts.length / 2)], starts.at(-1)]
    console.log(
      `seed ${seed}: ${kills} kills under load, ${killsInStart} more in the start; acknowledged ${written.join(', ')}; ` +
        `a start took ${Math.round(median)} ms in the median, ${Math.round(worst)} ms at worst`
    )
  },
  longest
)
