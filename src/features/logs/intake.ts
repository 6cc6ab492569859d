import type { Db } from '../../db/index.ts'
import { createBatches } from '../../lib/batches.ts'
import type { Log } from '../../lib/log.ts'
import type { LogDevices } from './devices.ts'
import type { Entries, NewEntry } from './entries.ts'
import { linesOf, packed, type Report, unpacked } from './packing.ts'
import type { Sightings } from './sightings.ts'

/** What a device, by its id or its number, has reported: that it is there, and lines for the log. */
export type DeviceReport = { device: string | number; applicationId: string | null; at: Date; lines: string[] }

/** The type of an entry that is a line of a device. */
export const deviceType = 'device'

/** When reports get their place in the log: once so many wait, or so much text, or so long after the first, in ms. */
const enough = { reports: 4000, text: 1024 * 1024 }
const patience = 250

const reportsAtOnce = 500
const weightAtOnce = 64 * 1024
const garbageAtMost = 1024 * 1024
const retryAfter = 1000

export type Intake = ReturnType<typeof createIntake>

type Needs = {
  db: Db
  log: Log
  entries: Entries
  devices: LogDevices
  sightings: Sightings
  /** Told of each commit how many reports it has stored. */
  committed: (reports: number) => void
}

type Job = { report: Report; resolve(): void; reject(reason: unknown): void }

/**
 * Takes in what devices report: whatever has gathered is stored together, and may be acknowledged. A moment later many such
 * lots are folded into the log, and it is noted when their devices were last heard of, in one transaction. So a report costs
 * no page of its own in either, however many devices there are; who reads them settles first.
 */
export function createIntake({ db, log, entries, devices, sightings, committed }: Needs) {
  const batches = createBatches<Job>(reportsAtOnce, store)
  let waiting = { reports: 0, text: 0 }
  let garbage = 0
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined

  async function store(jobs: Job[]) {
    const texts = packed(jobs.map(({ report }) => report))
    try {
      await db.intake.append(texts)
    } catch (reason) {
      for (const { reject } of jobs) reject(reason)
      return
    }
    committed(jobs.length)
    for (const { resolve } of jobs) resolve()
    schedule({ reports: jobs.length, text: texts.reduce((sum, { length }) => sum + length, 0) })
  }

  /** Folds the oldest reports; gives the number of the last of them, undefined where there was none. */
  function foldSome() {
    return db.write(async (change) => {
      await change.lockOrder() // two at once, on whichever nodes, would fold the same
      const taken = await db.intake.take(change, weightAtOnce)
      if (!taken) return undefined
      const reports = taken.texts.flatMap(unpacked)
      const numbers = await devices.numbersOf(change, reports.map(deviceOf))
      const times = new Map(reports.map((report) => [numberOf(report, numbers), report[2]]))
      await sightings.note(change, times)
      await entries.write(
        change,
        reports.flatMap((report) => entriesOf(report, numberOf(report, numbers)))
      )
      collect(taken.texts)
      return taken.last
    })
  }

  /** Texts and what is made of them are garbage at once, and left to itself the collector lets tens of megabytes of it stand. */
  function collect(texts: string[]) {
    for (const { length } of texts) garbage += length
    if (garbage < garbageAtMost) return
    garbage = 0
    Bun.gc(false)
  }

  async function foldUpTo(upTo: number) {
    let last: number | undefined
    do last = await foldSome()
    while (last !== undefined && last < upTo)
  }

  /** Those who come while one fold is under way share the next. */
  function settle(): Promise<void> {
    queued ??= (async () => {
      await running?.catch(() => {})
      running = queued
      queued = undefined
      const newest = await db.intake.newest()
      if (newest !== undefined) await foldUpTo(newest)
    })()
    return queued
  }

  const isEnough = ({ reports, text }: typeof waiting) => reports >= enough.reports || text >= enough.text

  function schedule(more: typeof waiting) {
    const before = waiting
    waiting = { reports: before.reports + more.reports, text: before.text + more.text }
    timer ??= setTimeout(foldInBackground, patience)
    if (!isEnough(before) && isEnough(waiting)) setImmediate(foldInBackground)
  }

  function foldInBackground() {
    clearTimeout(timer)
    timer = undefined
    waiting = { reports: 0, text: 0 }
    const folded = settle().then(sightings.settleMany)
    folded.catch((error: unknown) => {
      log.error({ err: error }, 'reports could not be put into the log; they are kept, and it is tried again')
      timer ??= setTimeout(foldInBackground, retryAfter)
    })
  }

  return {
    /** Takes in a report; resolves once it is stored. Those who come first are stored first. */
    add({ device, applicationId, at, lines }: DeviceReport): Promise<void> {
      const known = typeof device === 'number' ? device : (devices.known(device) ?? device)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      batches.add({ report: [known, applicationId, at.getTime(), ...lines], resolve, reject })
      return promise
    },

    /** How many reports wait to be stored. */
    waiting: batches.waiting,

    /** Resolves once all that was acknowledged until now has its place. */
    settle,

    /** Puts everything into its place, and does no more by itself. */
    async stop() {
      clearTimeout(timer)
      try {
        await settle()
        await sightings.settle()
      } catch (error) {
        log.error({ err: error }, 'reports wait for the next start to be put into the log')
      }
    }
  }
}

const deviceOf = ([device]: Report) => device

const numberOf = ([device]: Report, numbers: Map<string, number>) =>
  typeof device === 'number' ? device : (numbers.get(device) ?? 0)

const entriesOf = (report: Report, device: number): NewEntry[] => {
  const at = new Date(report[2])
  return linesOf(report).map((payload) => ({ applicationId: report[1], device, type: deviceType, payload, at }))
}
