import { asc, lte, max, sql } from 'drizzle-orm'
import { type Change, type Db, given } from '../../db/index.ts'
import type { Log } from '../../lib/log.ts'
import type { LogDevices } from './devices.ts'
import type { Entries } from './entries.ts'

/** What a device has reported: that it is there, and lines for the log. */
export type DeviceReport = { deviceId: string; applicationId: string | null; at: Date; lines: string[] }

/** The type of an entry that is a line of a device. */
export const deviceType = 'device'

type Packed = [deviceId: string, applicationId: string | null, at: number, ...lines: string[]]

/** When reports get their place in the log: once so many wait, or so long after the first, in ms. */
const enough = 4000
const patience = 250

const rowsAtOnce = 100
const weightAtOnce = 128 * 1024
const rowWeight = 128 * 1024
const garbageAtMost = 512 * 1024
const retryAfter = 1000

export type Intake = ReturnType<typeof createIntake>

/**
 * Takes in what devices report by appending one row a commit: that is stored, and may be acknowledged. A moment later many
 * commits' rows are folded into the log and into the times at which devices were last heard of, in one transaction. So a
 * report costs no page of its own in either, however many devices there are; who reads them settles first.
 */
export function createIntake({ db, log, entries, devices }: { db: Db; log: Log; entries: Entries; devices: LogDevices }) {
  const { logIntake } = db.tables
  const gathered = new WeakMap<Change, Packed[]>()
  let waiting = 0
  let garbage = 0
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined

  const insertOne = db.prepare((database) => database.insert(logIntake).values({ reports: given('reports') }))
  const newest = db.prepare((database) => database.select({ id: max(logIntake.id) }).from(logIntake))

  const { id, reports: packed } = logIntake
  const weights = db.prepare((database) =>
    database
      .select({ id, weight: sql<number>`octet_length(${packed})` })
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
    for (const reports of inRows(gathered.get(change) ?? [])) await insertOne.within(change, { reports: JSON.stringify(reports) })
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
      const reports = rows.flatMap((row) => JSON.parse(row.reports) as Packed[])
      const numbers = await devices.seen(change, lastSeen(reports))
      await entries.write(
        change,
        reports.flatMap((report) => entriesOf(report, numbers.get(report[0]) ?? null))
      )
      await change.tx.delete(logIntake).where(lte(logIntake.id, last))
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
    settle().catch((error: unknown) => {
      log.error({ err: error }, 'reports could not be put into the log; they are kept, and it is tried again')
      timer ??= setTimeout(foldInBackground, retryAfter)
    })
  }

  return {
    /** Inside a change: takes in a report. */
    add(change: Change, { deviceId, applicationId, at, lines }: DeviceReport) {
      const report: Packed = [deviceId, applicationId, at.getTime(), ...lines]
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
      await settle().catch((error: unknown) =>
        log.error({ err: error }, 'reports wait for the next start to be put into the log')
      )
    }
  }
}

/** When each device was last heard of. */
const lastSeen = (reports: Packed[]) => new Map(reports.map(([deviceId, , at]) => [deviceId, new Date(at)]))

const entriesOf = ([, applicationId, at, ...lines]: Packed, device: number | null) =>
  lines.map((payload) => ({ applicationId, device, type: deviceType, payload, at: new Date(at) }))

/** Reports by rows of a size that is read at once without holding up anybody. */
function inRows(reports: Packed[]) {
  const rows: Packed[][] = []
  let weight = rowWeight
  for (const report of reports) {
    if (weight >= rowWeight) {
      rows.push([])
      weight = 0
    }
    rows.at(-1)?.push(report)
    for (let i = 3; i < report.length; i++) weight += String(report[i]).length
  }
  return rows
}
