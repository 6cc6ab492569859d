import type { DeploymentFigures, Figures, Spread, StormFigures } from './figures.ts'
import type { Counts } from './tally.ts'

type Row = [name: string, value: string]

const unknown = '–'
const readable = (value: number) => Math.round(value).toLocaleString('en')
const ms = (value: number | undefined) => (value === undefined ? unknown : `${readable(value)} ms`)
const seconds = (value: number | undefined) => (value === undefined ? 'never' : `${(value / 1000).toFixed(1)} s`)
const mib = (value: number | undefined) => (value === undefined ? unknown : `${readable(value / 2 ** 20)} MiB`)
const share = (value: number) => `${+(value * 100).toFixed(1)} %`
const both = ({ p50, p99, worst }: Spread) => `p50 ${ms(p50)}, p99 ${ms(p99)}, worst ${ms(worst)}`

/** The figures as people read them. */
export function reportOf(figures: Figures) {
  const { devices, image, range, flap, loss, result } = figures
  const what = `${readable(image / 1024)} KiB in ranges of ${readable(range)}, flap ${share(flap)}, loss ${share(loss)}`
  const title = `${readable(devices)} devices${result.scenario === 'storm' ? ', all dropped at once' : `, an image of ${what}`}`
  const rows = result.scenario === 'storm' ? ofStorm(result) : ofDeployment(result, figures.counts)
  const all: Row[] = [...rows, ...ofFleet(figures), ...ofHub(figures)]
  return [title, ...all.map(([name, value]) => `  ${name.padEnd(30)} ${value}`)].join('\n')
}

function ofDeployment(result: DeploymentFigures, { toldByMqtt, toldByHeartbeat, bytes, ranges, ...counts }: Counts): Row[] {
  return [
    ['50 % run it after', seconds(result.until50)],
    ['95 % run it after', seconds(result.until95)],
    ['99 % run it after', seconds(result.until99)],
    ['run it in the end', `${readable(result.running)}; the hub lists ${readable(result.listed)}; ${counts.wrong} wrong images`],
    ['notice after the request', both(result.noticeFromRequest)],
    ['notice after its answer', `${both(result.noticeFromAnswer)} (the request took ${ms(result.request)})`],
    [
      'told',
      `${readable(result.noticed)} by the notice, ${readable(toldByMqtt - result.noticed)} on connecting anew, ${readable(toldByHeartbeat)} by heartbeat`
    ],
    ['notices lost', readable(counts.noticesLost)],
    [
      'images',
      `${mib(bytes)} in ${readable(ranges)} ranges, ${mib(result.rate)}/s; ${readable(counts.rangesLost)} ranges broken off`
    ]
  ]
}

function ofStorm({ untilBack, untilHeartbeats, heartbeats, refused, back }: StormFigures): Row[] {
  return [
    ['all back after', `${seconds(untilBack)} (${readable(back)})`],
    ['a heartbeat of each after', seconds(untilHeartbeats)],
    ['heartbeats meanwhile', `${readable(heartbeats)}, ${readable(refused)} refused`]
  ]
}

function ofFleet({ registration, connecting, counts, reasons }: Figures): Row[] {
  const wrong = Object.entries(reasons).map(([reason, times]) => `${reason} (${readable(times)})`)
  return [
    ['registered and connected in', `${registration.toFixed(1)} s and ${connecting.toFixed(1)} s`],
    ['heartbeats', `${readable(counts.heartbeats)} sent, ${readable(counts.refused)} refused`],
    [
      'connections',
      `${readable(counts.dropped)} dropped by devices, ${readable(counts.cutOff)} lost otherwise, ${readable(counts.connections)} made`
    ],
    ...(wrong.length > 0 ? [['what went wrong', wrong.join('; ')] satisfies Row] : [])
  ]
}

function ofHub({ hub, devices }: Figures): Row[] {
  const { rssBefore, rssConnected, rssPeak, health, complaints } = hub
  const each =
    rssBefore === undefined || rssConnected === undefined
      ? ''
      : `, ${((rssConnected - rssBefore) / 1024 / devices).toFixed(1)} KiB a device`
  return [
    ['memory of the hub', `${mib(rssBefore)} before, ${mib(rssConnected)} with all connected${each}, ${mib(rssPeak)} at most`],
    [
      'delay of the hub (/health)',
      `p50 ${ms(health.p50)}, p99 ${ms(health.p99)}, worst ${ms(health.worst)}; ${health.failed} failed`
    ],
    ['delay of the simulator itself', `${ms(health.own)} of the probe, ${ms(hub.devicesLate)} of the devices at most`],
    ['processor time of the hub', hub.processor === undefined ? unknown : `${hub.processor.toFixed(1)} s`],
    ...(complaints.length > 0
      ? [['the hub complained', `${complaints.length} times, first: ${complaints[0]}`] satisfies Row]
      : [])
  ]
}
