import { asc, inArray, lte, max, sql } from 'drizzle-orm'
import { type Change, type Db, given } from '../../db/index.ts'
import type { Log } from '../../lib/log.ts'
import type { LogDevices } from './devices.ts'
import type { Entries, NewEntry } from './entries.ts'
import { linesOf, packed, type Report, unpacked } from './packing.ts'
import type { Sightings } from './sightings.ts'

/** What a device, by its id or its number, has reported: that it is there, and lines for the log. */
export type DeviceReport = { device: string | number; applicationId: string | null; at: Date; lines: string[] }

/** The type of an entry that is a line of a device. */
export const deviceType = 'device'

/** When reports get their place in the log: once so many wait, or so long after the first, in ms. */
const enough = 4000
const patience = 250

const rowsAtOnce = 100
const weightAtOnce = 64 * 1024
const garbageAtMost = 1024 * 1024
const retryAfter = 1000

export type Intake = ReturnType<typeof createIntake>

type Needs = { db: Db; log: Log; entries: Entries; devices: LogDevices; sightings: Sightings }

/**
 * Takes in what devices report by appending one row a commit: that is stored, and may be acknowledged. A moment later many
 * commits' rows are folded into the log, and it is noted when their devices were last heard of, in one transaction. So a
 * report costs no page of its own in either, however many devices there are; who reads them settles first.
 */
export function createIntake({ db, log, entries, devices, sightings }: Needs) {
  const { logIntake } = db.tables
  const gathered = new WeakMap<Change, Report[]>()
  let waiting = 0
  let garbage = 0
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined

  const insertOne = db.prepare((database) => database.insert(logIntake).values({ reports: given('reports') }))
  const newest = db.prepare((database) => database.select({ id: max(logIntake.id) }).from(logIntake))

  const { id, reports: text } = logIntake
  const weights = db.prepare((database) =>
    database
      .select({ id, weight: sql<number>`octet_length(${text})` })
      .from(logIntake)
      .orderBy(asc(id))
      .limit(rowsAtOnce)
  )
  const upTo = db.prepare((database) =>
    database
      .select()
      .from(logIntake)
      .where(lte(id, given('last')))
      .orderBy(asc(id))
  )

  async function insertGathered(change: Change) {
    for (const reports of packed(gathered.get(change) ?? [])) await insertOne.within(change, { reports })
  }

  /** The oldest rows, as many as together are no heavier than what is folded at once, and one in any case. */
  async function oldest(change: Change) {
    let weight = 0
    const fitting = (await weights.within(change, {})).filter((row, i) => (weight += row.weight) <= weightAtOnce || i === 0)
    const last = fitting.at(-1)
    return last ? await upTo.within(change, { last: last.id }) : []
  }

  /** Folds the oldest rows; gives the last of them, 0 where there was none. */
  function foldSome() {
    return db.write(async (change) => {
      await change.lockOrder() // two at once, on whichever nodes, would fold the same rows
      const rows = await oldest(change)
      const last = rows.at(-1)?.id ?? 0
      if (last === 0) return 0
      const reports = rows.flatMap((row) => unpacked(row.reports))
      const numbers = await devices.numbersOf(change, reports.map(deviceOf))
      const times = new Map(reports.map((report) => [numberOf(report, numbers), report[2]]))
      await sightings.note(change, times)
      await entries.write(
        change,
        reports.flatMap((report) => entriesOf(report, numberOf(report, numbers)))
      )
      // No others: a row with a lower number may have been committed since, by another hub.
      const folded = rows.map(({ id }) => id)
      await change.tx.delete(logIntake).where(inArray(logIntake.id, folded))
      collect(rows)
      return last
    })
  }

  /** Rows and what is made of them are garbage at once, and left to itself the collector lets tens of megabytes of it stand. */
  function collect(rows: { reports: string }[]) {
    for (const { reports } of rows) garbage += reports.length
    if (garbage < garbageAtMost) return
    garbage = 0
    Bun.gc(false)
  }

  async function foldUpTo(upTo: number) {
    let last: number
    do last = await foldSome()
    while (last !== 0 && last < upTo)
  }

  /** Those who come while one fold is under way share the next. */
  function settle(): Promise<void> {
    queued ??= (async () => {
      await running?.catch(() => {})
      running = queued
      queued = undefined
      const [row] = await newest.read({})
      if (row?.id) await foldUpTo(row.id)
    })()
    return queued
  }

  function schedule(reports: number) {
    waiting += reports
    timer ??= setTimeout(foldInBackground, patience)
    if (waiting - reports < enough && waiting >= enough) setImmediate(foldInBackground)
  }

  function foldInBackground() {
    clearTimeout(timer)
    timer = undefined
    waiting = 0
    const folded = settle().then(sightings.settleMany)
    folded.catch((error: unknown) => {
      log.error({ err: error }, 'reports could not be put into the log; they are kept, and it is tried again')
      timer ??= setTimeout(foldInBackground, retryAfter)
    })
  }

  return {
    /** Inside a change: takes in a report. */
    add(change: Change, { device, applicationId, at, lines }: DeviceReport) {
      const known = typeof device === 'number' ? device : (devices.known(device) ?? device)
      const report: Report = [known, applicationId, at.getTime(), ...lines]
      const others = gathered.get(change)
      if (others) return void others.push(report)
      const first = [report]
      gathered.set(change, first)
      change.beforeCommit(logIntake, () => insertGathered(change))
      change.afterCommit(() => schedule(first.length))
    },

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
