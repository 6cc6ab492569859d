import type { Address } from './address.ts'
import type { Registered } from './device.ts'
import type { Download } from './download.ts'
import type { Lane } from './lane.ts'
import type { News, Tally } from './tally.ts'

/** What all devices of a run have in common. Times in ms. */
export type Setting = {
  http: Address
  mqtt: Address
  team: string
  /** Of the image that will be deployed. */
  sha256: string
  range: number
  downloads: number
  loss: number
  persistent: number
  heartbeat: number
  seed: number
}

/** What a device is given. */
export type World = { setting: Setting; tally: Tally; download: Download; beats: Lane }

/** What a process of devices is told to do. */
export type Order =
  | { do: 'prepare'; setting: Setting; devices: Registered[] }
  | { do: 'connect' }
  | { do: 'flap'; share: number }
  | { do: 'storm' }

/** What it tells: every so often, and once before anything else. */
export type Word = 'up' | News
