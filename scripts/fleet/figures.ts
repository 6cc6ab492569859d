import type { Delays } from './probe.ts'
import type { Counts } from './tally.ts'

/** The 50th and the 99th percentile, and the worst; undefined where there is nothing to measure. In ms. */
export type Spread = { p50: number | undefined; p99: number | undefined; worst: number | undefined }

/** What was measured of a hub. Bytes; processor seconds. */
export type HubFigures = {
  rssBefore: number | undefined
  rssConnected: number | undefined
  rssPeak: number | undefined
  processor: number | undefined
  /** Of `GET /health`, each 50 ms, in ms. */
  health: Delays
  /** How late the processes of the devices were at most, in ms: no delay of the hub's. */
  devicesLate: number
  complaints: string[]
}

/** What one deployment to all devices took. Times in ms since the request for it was sent. */
export type DeploymentFigures = {
  scenario: 'deployment'
  ok: boolean
  running: number
  /** How many the hub lists as running what they should. */
  listed: number
  until50: number | undefined
  until95: number | undefined
  until99: number | undefined
  /** How long the request itself took. */
  request: number
  /** To how many it came over the connection that they had when it was deployed: the delays are those. */
  noticed: number
  noticeFromRequest: Spread
  noticeFromAnswer: Spread
  /** Bytes of images per second. */
  rate: number
}

/** What it took until all devices were back. Times in ms since they were dropped. */
export type StormFigures = {
  scenario: 'storm'
  ok: boolean
  back: number
  untilBack: number | undefined
  untilHeartbeats: number | undefined
  heartbeats: number
  refused: number
}

/** All that a run has measured. */
export type Figures = {
  devices: number
  image: number
  range: number
  flap: number
  loss: number
  persistent: number
  seed: number
  processes: number
  /** Seconds. */
  registration: number
  /** Seconds. */
  connecting: number
  result: DeploymentFigures | StormFigures
  hub: HubFigures
  counts: Counts
  reasons: Record<string, number>
}
