import { randomBytes } from 'node:crypto'
import type { Sample } from '../measure/row.ts'
import { median } from '../measure/statistics.ts'
import { createProgress, type Progress } from '../report/progress.ts'
import { align, readable } from '../report/table.ts'
import { startScript } from '../servers/bare.ts'
import { startHub } from '../servers/hub.ts'
import { createWorkplace, type Workplace } from '../workplace.ts'
import { hearOfEach, type Operation, operations, type Site } from './operations.ts'

const imageSize = 512 * 1024
const sizes = [
  { devices: 100, lines: 1000, deployments: 1 },
  { devices: 10_000, lines: 100_000, deployments: 100 },
  { devices: 100_000, lines: 1_000_000, deployments: 1000 }
]

/** What one operation costs at each size: CPU time in µs, median latency in ms. */
export type Cost = { name: string; cpu: number[]; p50: number[] }

export type Scale = { sizes: typeof sizes; costs: Cost[] }

/** Measures every hot path over databases of growing size, the sizes in turn, round after round. */
export async function runScale({ rounds, seconds }: { rounds: number; seconds: number }): Promise<Scale> {
  const progress = createProgress(sizes.length * (1 + operations.length * (rounds + 1)))
  await using workplace = createWorkplace()
  const sites = await oneByOne(sizes, (size) => openSite({ workplace, size, seconds, progress }))
  const costs: Cost[] = []
  for (const operation of operations) costs.push(await costOf(operation, { sites, rounds, progress }))
  progress.end()
  return { sizes, costs }
}

type Measuring = { sites: Site[]; rounds: number; progress: Progress }

/** The first round warms up, and does not count. */
async function costOf({ name, measure }: Operation, { sites, rounds, progress }: Measuring): Promise<Cost> {
  const samples: Sample[][] = []
  for (let round = 0; round <= rounds; round += 1) {
    const sample = async (site: Site) => {
      progress.show(`${name}, ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}, ${readable(site.devices)} devices`)
      progress.advance(1)
      return measure(site)
    }
    samples.push(await oneByOne(sites, sample))
  }
  const counted = samples.slice(1)
  const medians = (figure: string) => sites.map((_, i) => median(counted.map((round) => round[i]?.[figure] ?? Number.NaN)))
  return { name, cpu: medians('cpu'), p50: medians('p50') }
}

async function oneByOne<T, R>(items: T[], work: (item: T) => Promise<R>) {
  const results: R[] = []
  for (const item of items) results.push(await work(item))
  return results
}

type Opening = { workplace: Workplace; size: (typeof sizes)[number]; seconds: number; progress: Progress }

async function openSite({ workplace, size, seconds, progress }: Opening): Promise<Site> {
  progress.show(`filling a database: ${readable(size.devices)} devices, ${readable(size.lines)} lines`)
  const hub = await startHub(workplace, { ...size, image: randomBytes(imageSize) })
  progress.advance(1)
  const bare = await startScript(workplace, 'lookup-server.ts', { DEVICES: String(size.devices) })
  const site = { workplace, hub, bare, devices: size.devices, imageSize, seconds }
  progress.show(`hearing of each device once: ${readable(size.devices)} devices`)
  await hearOfEach(site)
  return site
}

/** The costs as a table: a column a size, and how many times the smallest's the greatest's is. */
export function scaleTable({ sizes: columns, costs }: Scale) {
  const line = (what: string, values: number[], unit: string) => [
    what,
    ...values.map((value) => `${readable(value)} ${unit}`),
    `× ${readable((values.at(-1) ?? Number.NaN) / (values[0] ?? Number.NaN))}`
  ]
  const heads = [
    ['devices', ...columns.map(({ devices }) => readable(devices)), ''],
    ['lines in the log', ...columns.map(({ lines }) => readable(lines)), ''],
    ['deployments', ...columns.map(({ deployments }) => String(deployments)), 'last to first']
  ]
  const body = costs.flatMap(({ name, cpu, p50 }) => [line(`${name}, CPU time`, cpu, 'µs'), line('    p50', p50, 'ms')])
  return align([...heads, [], ...body]).join('\n')
}
