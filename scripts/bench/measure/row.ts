import type { Workplace } from '../workplace.ts'

/** One number of a measurement: `of` says whether the bars are for the ratio hub/peer, or for the hub's own number. */
export type Figure = {
  name: string
  what: string
  unit: string
  better: 'more' | 'less'
  bars?: { of: 'ratio' | 'hub'; floor: number; reach: number }
}

/** What one round gave, by the names of the figures. */
export type Sample = Record<string, number>

/** A server under measurement: `measure` is one round; `limit` is what else than the server may have held it up. */
export type Side = { measure(): Promise<Sample>; limit?: () => string | undefined }

export type Context = {
  workplace: Workplace
  seconds: number
  say(what: string): void
}

/** A line of the table: what is measured, against what, and how to set both sides up. */
export type Row = {
  name: string
  title: string
  /** The peer, in words; undefined where the hub is only held against its bars. */
  against: string | undefined
  figures: Figure[]
  /** Why it cannot run on this machine, and what would help; undefined where it can. */
  obstacle(): string | undefined
  open(context: Context): Promise<{ hub: Side; peer?: Side }>
}

/** How many requests a second, and what one costs: the figures of every row under HTTP load. */
export const httpFigures = (floor: number, reach: number): Figure[] => [
  { name: 'rate', what: 'per second', unit: '', better: 'more', bars: { of: 'ratio', floor, reach } },
  { name: 'cpu', what: 'CPU time each', unit: 'µs', better: 'less' },
  { name: 'load', what: 'the load’s own', unit: 'µs', better: 'less' },
  { name: 'p50', what: 'p50', unit: 'ms', better: 'less' },
  { name: 'p99', what: 'p99', unit: 'ms', better: 'less' }
]
