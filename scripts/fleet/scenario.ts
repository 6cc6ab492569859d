import type { Progress } from '../../src/lib/progress.ts'
import type { Crew } from './crew.ts'
import type { DeploymentFigures, Spread, StormFigures } from './figures.ts'
import type { Hub } from './hub.ts'
import type { Options } from './options.ts'
import { percentiles } from './probe.ts'
import { type Counts, now } from './tally.ts'
import type { User } from './user.ts'

const lookEvery = 100
const settle = 2000
const goodEnough = 0.99

/** What a scenario plays with. */
export type Stage = { options: Options; hub: Hub; user: User; crew: Crew; progress: Progress }

/** Connects all devices; gives how many seconds that took. */
export async function connectAll(stage: Stage) {
  const began = now()
  stage.crew.order({ do: 'connect' })
  const connected = ({ connected }: Counts) => connected
  if (await reached(stage, { what: 'connecting', count: connected, goal: stage.options.devices })) return (now() - began) / 1000
  throw new Error(`Only ${stage.crew.counts().connected} devices could connect: ${JSON.stringify(stage.crew.reasons())}`)
}

/** Deploys an image to all devices, which drop their connections all the while, and waits until they run it. */
export async function deployment(stage: Stage, image: Uint8Array<ArrayBuffer>): Promise<DeploymentFigures> {
  const { options, crew, user } = stage
  crew.order({ do: 'flap', share: options.flap })
  await Bun.sleep(settle)
  const asked = now()
  await user.deploy(image)
  const answered = now()
  await reached(stage, { what: 'running', count: ({ running }) => running, goal: Math.ceil(options.until * options.devices) })
  const counts = crew.counts()
  const runs = crew.runs().toSorted((a, b) => a - b)
  const until = (share: number) => after(asked, runs[Math.ceil(share * options.devices) - 1])
  const noticed = crew.told().filter(({ connectedAt }) => connectedAt <= asked)
  const listed = await user.upToDate()
  return {
    scenario: 'deployment',
    ok: Math.min(runs.length, listed) >= goodEnough * options.devices && counts.wrong === 0,
    running: runs.length,
    listed,
    until50: until(0.5),
    until95: until(0.95),
    until99: until(0.99),
    request: answered - asked,
    noticed: noticed.length,
    noticeFromRequest: spread(noticed.map(({ at }) => at - asked)),
    noticeFromAnswer: spread(noticed.map(({ at }) => at - answered)),
    rate: (counts.bytes / ((runs.at(-1) ?? now()) - asked)) * 1000
  }
}

/** Drops all devices at once and waits until they are back, and the heartbeat of each is answered. */
export async function storm(stage: Stage): Promise<StormFigures> {
  const { options, crew } = stage
  await Bun.sleep(settle)
  const before = crew.counts()
  const began = now()
  crew.order({ do: 'storm' })
  const again = ({ connections, connected }: Counts) => Math.min(connected, connections - before.connections)
  const allBack = await reached(stage, { what: 'coming back', count: again, goal: options.devices })
  const handled = ({ answered, refused }: Counts) => answered + refused - before.answered - before.refused
  const allHandled = await reached(stage, { what: 'heartbeats', count: handled, goal: options.devices })
  const counts = crew.counts()
  return {
    scenario: 'storm',
    ok: allBack && allHandled,
    back: counts.connected,
    untilBack: allBack ? crew.readyAt() - began : undefined,
    untilHeartbeats: allHandled ? now() - began : undefined,
    heartbeats: handled(counts),
    refused: counts.refused - before.refused
  }
}

/** Waits until a count reaches its goal; gives whether it did in time. Throws when the hub or a process of devices ends. */
async function reached({ options, hub, crew, progress }: Stage, { what, count, goal }: Goal) {
  const began = now()
  for (;;) {
    const counts = crew.counts()
    progress.show(what, { done: count(counts), of: goal, note: note(counts, now() - began) })
    const failure = hub.failure() ?? crew.failure()
    if (failure) throw new Error(failure)
    const late = now() - began > options.timeout
    if (count(counts) >= goal || late) progress.clear()
    if (count(counts) >= goal) return true
    if (late) return false
    await Bun.sleep(lookEvery)
  }
}

type Goal = { what: string; count(counts: Counts): number; goal: number }

function note({ connected, running, bytes, refused }: Counts, time: number) {
  const parts = [
    `${Math.round(time / 1000)} s`,
    `${connected} connected`,
    `${running} running`,
    `${Math.round(bytes / 2 ** 20)} MiB`
  ]
  return [...parts, ...(refused ? [`${refused} heartbeats refused`] : [])].join(', ')
}

const after = (start: number, at: number | undefined) => (at === undefined ? undefined : at - start)

function spread(values: number[]): Spread {
  const [p50, p99, worst] = percentiles(values, [0.5, 0.99, 1])
  return { p50, p99, worst }
}
