import { postgresMissing, startPostgres } from '../../test-postgres.ts'
import { app, board } from '../fleet.ts'
import { httpLoad } from '../load/http.ts'
import { median } from '../measure/statistics.ts'
import { createProgress, type Progress } from '../report/progress.ts'
import { align, readable } from '../report/table.ts'
import { heartbeats } from '../rows/heartbeat.ts'
import { signIn } from '../servers/hub.ts'
import { createWorkplace, type Workplace } from '../workplace.ts'
import { costOf, openSite, type Site } from './site.ts'

const counts = [1, 2, 4]
const devices = 1000
const connections = 64
const deploymentsPerRound = 100
const image = new Uint8Array(4096)

/**
 * Heartbeats a second of all hubs together and what each costs the hubs and the database, in µs of processor time; what a
 * deployment that no device waits for costs both. `cores`: how many the hubs and the database had at work.
 */
export type Carried = {
  count: number
  rate: number
  hub: number
  database: number
  cores: number
  deployment: number
  deploymentOfDatabase: number
}

/** Measures one, two and four hubs on one PostgreSQL, in turn, round after round; the first warms up and does not count. */
export async function runHubs({ rounds, seconds }: { rounds: number; seconds: number }): Promise<Carried[]> {
  const progress = createProgress(counts.length * (2 + rounds))
  await using workplace = createWorkplace()
  const server = await startPostgres({ fsync: 'on' })
  if (!server) throw new Error(postgresMissing)
  try {
    const sites: Site[] = []
    for (const count of counts) {
      progress.show(`starting ${hubsIn(count)}`)
      sites.push(await openSite({ workplace, server, count, devices }))
      progress.advance(1)
    }
    const samples: Carried[][] = []
    for (let round = 0; round <= rounds; round += 1)
      samples.push(await measureEach(sites, { workplace, seconds, progress, round }))
    progress.end()
    return counts.map((_, i) => inTheMiddle(samples.slice(1).flatMap((round) => round[i] ?? [])))
  } finally {
    await server.stop()
  }
}

const hubsIn = (count: number) => `${count} ${count === 1 ? 'hub' : 'hubs'}`

type Round = { workplace: Workplace; seconds: number; progress: Progress; round: number }

async function measureEach(sites: Site[], { workplace, seconds, progress, round }: Round) {
  const carried: Carried[] = []
  for (const site of sites) {
    progress.show(`${hubsIn(site.count)}, ${round === 0 ? 'warming up' : `round ${round}`}`)
    carried.push(await measure(workplace, site, seconds))
    progress.advance(1)
  }
  return carried
}

async function measure(workplace: Workplace, site: Site, seconds: number): Promise<Carried> {
  const { count, hubs } = site
  const perHub = { connections: connections / count, seconds, requests: heartbeats(devices), status: 200 }
  const beats = await costOf(site, () => Promise.all(hubs.map(({ port }) => httpLoad(workplace, { ...perHub, port }))))
  const answered = beats.result.reduce((sum, outcome) => sum + outcome.answered, 0)
  const token = await signIn(hubs[0] as (typeof hubs)[number])
  const told = await costOf(site, () => deployMany(hubs[0]?.port ?? 0, token))
  return {
    count,
    rate: answered / seconds,
    hub: (beats.hubs / answered) * 1e6,
    database: (beats.database / answered) * 1e6,
    cores: (beats.hubs + beats.database) / seconds,
    deployment: (told.hubs / deploymentsPerRound) * 1e6,
    deploymentOfDatabase: (told.database / deploymentsPerRound) * 1e6
  }
}

async function deployMany(port: number, token: string) {
  for (let n = 0; n < deploymentsPerRound; n += 1) {
    const form = new FormData()
    form.set('board', board)
    form.set('image', new Blob([image]), 'firmware.image')
    const url = `http://127.0.0.1:${port}/apps/${app}/deployments`
    const answer = await fetch(url, { method: 'POST', body: form, headers: { access_token: token } })
    if (answer.status !== 200) throw new Error(`a deployment was answered ${answer.status}`)
    await answer.text()
  }
}

function inTheMiddle(samples: Carried[]): Carried {
  const of = (figure: keyof Carried) => median(samples.map((sample) => sample[figure]))
  return {
    count: of('count'),
    rate: of('rate'),
    hub: of('hub'),
    database: of('database'),
    cores: of('cores'),
    deployment: of('deployment'),
    deploymentOfDatabase: of('deploymentOfDatabase')
  }
}

/** The figures as a table, a column for each number of hubs. */
export function hubsTable(carried: Carried[]) {
  const [one] = carried
  const line = (what: string, unit: string, of: (column: Carried) => number) => [
    what,
    ...carried.map((column) => `${readable(of(column))}${unit}`)
  ]
  return align([
    line('hubs', '', ({ count }) => count),
    line('heartbeats with a log line, a second', '', ({ rate }) => rate),
    line('    to one hub', '', ({ rate }) => rate / (one?.rate ?? Number.NaN)),
    line('    CPU time of the hubs, each', ' µs', ({ hub }) => hub),
    line('    CPU time of PostgreSQL, each', ' µs', ({ database }) => database),
    line('    cores that both had at work', '', ({ cores }) => cores),
    line('a deployment, CPU time of all hubs', ' µs', ({ deployment }) => deployment),
    line(
      '    for each further hub',
      ' µs',
      ({ deployment, count }) => (deployment - (one?.deployment ?? 0)) / (count - 1 || Number.NaN)
    ),
    line('    CPU time of PostgreSQL', ' µs', ({ deploymentOfDatabase }) => deploymentOfDatabase)
  ]).join('\n')
}
