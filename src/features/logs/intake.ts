import type { Db } from '../../db/index.ts'
import { createBatches } from '../../lib/batches.ts'
import type { HubError } from '../../lib/errors.ts'
import { asUnavailable } from '../../lib/failures.ts'
import type { Log } from '../../lib/log.ts'
import type { LogDevices } from './devices.ts'
import type { Entries } from './entries.ts'
import type { FoldThread } from './fold-thread.ts'
import type { Folding } from './folding.ts'
import { packed, type Report } from './packing.ts'
import type { Sightings } from './sightings.ts'

/** What a device, by its id or its number, has reported: that it is there, and lines for the log. */
export type DeviceReport = { device: string | number; applicationId: string | null; at: Date; lines: string[] }

/** When reports get their place in the log: once so many wait, or so much text, or so long after the first, in ms. */
const enough = { reports: 4000, text: 1024 * 1024 }
const patience = 250

/** Where as many come at a time for so long, in ms, a thread of its own folds them: it takes some 30 MiB, and a while to begin. */
const many = { reports: 1000, for: 5000 }

const reportsAtOnce = 500
/** How many bytes of them in one transaction: a thread of its own holds up nobody but those who write elsewhere. */
const atOnce = { here: 64 * 1024, apart: 192 * 1024 }
const retryAfter = 1000

export type Intake = ReturnType<typeof createIntake>

type Needs = {
  db: Db
  log: Log
  entries: Entries
  devices: LogDevices
  sightings: Sightings
  folding: Folding
  /** Takes over where there is much to fold; none where other hubs share the database. */
  thread: FoldThread | undefined
  /** Told of each commit how many reports it has stored. */
  committed: (reports: number) => void
}

type Job = { report: Report; resolve(): void; reject(reason: unknown): void }

/**
 * Takes in what devices report: whatever has gathered is stored together, and may be acknowledged. A moment later many such
 * lots are folded into the log, and it is noted when their devices were last heard of, in one transaction. So a report costs
 * no page of its own in either, however many devices there are; who reads them settles first.
 */
export function createIntake({ db, log, entries, devices, sightings, folding, thread, committed }: Needs) {
  const batches = createBatches<Job>(reportsAtOnce, store)
  let waiting = { reports: 0, text: 0 }
  let newest: Promise<void> = Promise.resolve() // report to come, once it is stored
  let stuck: { reason: HubError; text: number } | undefined // that nothing can be folded, and what has come since
  let manySince: number | undefined
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined

  async function store(jobs: Job[]) {
    const texts = packed(jobs.map(({ report }) => report))
    try {
      if (stuck && stuck.text >= enough.text) throw stuck.reason // or what waits would grow and grow
      await db.intake.append(texts)
    } catch (reason) {
      for (const { reject } of jobs) reject(reason)
      return
    }
    committed(jobs.length)
    for (const { resolve } of jobs) resolve()
    const text = texts.reduce((sum, { length }) => sum + length, 0)
    if (stuck) stuck.text += text
    schedule({ reports: jobs.length, text })
  }

  /** Folds the oldest reports; gives the number of the last of them, undefined where there was none. */
  async function foldSome() {
    if (!thread?.isUp()) return foldHere()
    try {
      return await foldApart(thread)
    } catch (error) {
      if (thread.isUp()) throw error
      return foldHere() // it has ended meanwhile
    }
  }

  function foldHere() {
    return db.write(async (change) => {
      await change.lockOrder() // two at once, on whichever nodes, would fold the same
      const taken = await db.intake.take(change, atOnce.here)
      if (taken) await folding.fold(change, taken.texts)
      return taken?.last
    })
  }

  async function foldApart({ fold }: FoldThread) {
    const taken = await fold(atOnce.apart)
    if (!taken) return undefined
    devices.remember(taken.result.numbers)
    entries.tell(taken.result.stored)
    return taken.last
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
      await newest.catch(() => {}) // whoever asks for what a device has sent need not know that it is just being stored
      const last = await db.intake.newest()
      if (last !== undefined) await foldUpTo(last)
    })()
    return queued
  }

  const isEnough = ({ reports, text }: typeof waiting) => reports >= enough.reports || text >= enough.text

  function schedule(more: typeof waiting) {
    const before = waiting
    waiting = { reports: before.reports + more.reports, text: before.text + more.text }
    timer ??= setTimeout(inBackground, patience)
    if (!isEnough(before) && isEnough(waiting)) setImmediate(inBackground)
  }

  /** Whether many have come at a time, for a while. */
  function isLasting() {
    if (waiting.reports < many.reports) manySince = undefined
    else manySince ??= performance.now()
    return manySince !== undefined && performance.now() - manySince >= many.for
  }

  async function foldInBackground() {
    clearTimeout(timer)
    timer = undefined
    if (isLasting()) thread?.start()
    waiting = { reports: 0, text: 0 }
    try {
      await settle()
      await sightings.settleMany()
      stuck = undefined
    } catch (error) {
      const reason = asUnavailable(error)
      if (reason) stuck ??= { reason, text: 0 }
      log.error({ err: error }, 'reports could not be put into the log; they are kept, and it is tried again')
      timer ??= setTimeout(inBackground, retryAfter)
    }
  }

  const inBackground = () => void foldInBackground()

  return {
    /** Takes in a report; resolves once it is stored. Those who come first are stored first. */
    add({ device, applicationId, at, lines }: DeviceReport): Promise<void> {
      const known = typeof device === 'number' ? device : (devices.known(device) ?? device)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      batches.add({ report: [known, applicationId, at.getTime(), ...lines], resolve, reject })
      newest = promise
      return promise
    },

    /** How many reports wait to be stored. */
    waiting: batches.waiting,

    /** Resolves once all that has come until now has its place. */
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
      await thread?.stop()
    }
  }
}
