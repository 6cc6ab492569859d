import type { Progress } from '../report/progress.ts'
import { createWorkplace } from '../workplace.ts'
import type { Figure, Row, Sample, Side } from './row.ts'
import { median, valuesOf } from './statistics.ts'

export type Measured = Figure & { hub: number; peer?: number; ratio?: number; spread?: [number, number] }

/** What a row gave; `obstacle`: why it could not run, or failed; `limits`: what held a side up besides itself. */
export type Result = {
  name: string
  title: string
  against: string | undefined
  figures: Measured[]
  obstacle?: string
  failed?: boolean
  limits: string[]
}

type Settings = { rounds: number; seconds: number; progress: Progress }

/** Runs one row: both sides in turn, round after round; gives the medians. */
export async function runRow(row: Row, settings: Settings): Promise<Result> {
  const { name, title, against } = row
  const obstacle = row.obstacle()
  if (obstacle !== undefined) return { name, title, against, figures: [], limits: [], obstacle }
  try {
    return { name, title, against, ...(await measureRow(row, settings)) }
  } catch (error) {
    const failure = `it failed: ${error instanceof Error ? error.message : String(error)}`
    return { name, title, against, figures: [], limits: [], obstacle: failure, failed: true }
  }
}

async function measureRow(row: Row, settings: Settings) {
  await using workplace = createWorkplace()
  const say = (what: string) => settings.progress.show(`${row.name}: ${what}`)
  say('setting up')
  const sides = await row.open({ workplace, seconds: settings.seconds, say })
  const { hub, peer } = await interleave(sides, settings, say)
  const limits = [limitOf('hub', sides.hub), limitOf('peer', sides.peer)].flat()
  return { figures: row.figures.map((figure) => measured(figure, hub, peer)), limits }
}

async function interleave(
  { hub, peer }: { hub: Side; peer?: Side },
  { rounds, progress }: Settings,
  say: (what: string) => void
) {
  const samples: { hub: Sample[]; peer: Sample[] } = { hub: [], peer: [] }
  const turns = peer ? 2 * rounds : rounds
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}, the hub`)
    samples.hub.push(await hub.measure())
    progress.advance(1 / turns)
    if (!peer) continue
    say(`round ${round} of ${rounds}, its peer`)
    samples.peer.push(await peer.measure())
    progress.advance(1 / turns)
  }
  return samples
}

function limitOf(name: string, side: Side | undefined) {
  const limit = side?.limit?.()
  return limit === undefined ? [] : [`${name}: ${limit}`]
}

/** The ratio is the median of each round's: what else the machine does weighs on both sides of a round alike. */
function measured(figure: Figure, hub: Sample[], peer: Sample[]): Measured {
  const own = valuesOf(hub, figure.name)
  const others = valuesOf(peer, figure.name)
  if (others.length === 0 || others.some(Number.isNaN)) return { ...figure, hub: median(own) }
  const ratios = own.map((value, i) => value / (others[i] ?? Number.NaN))
  const spread: [number, number] = [Math.min(...ratios), Math.max(...ratios)]
  return { ...figure, hub: median(own), peer: median(others), ratio: median(ratios), spread }
}
