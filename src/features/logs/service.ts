import { and, asc, desc, eq, gt, isNull, lt } from 'drizzle-orm'
import type { GroupCommit } from '../../db/group-commit.ts'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { createChain } from './chain.ts'
import { createLogDevices } from './devices.ts'
import { createEntries, type NewEntry } from './entries.ts'
import { createFoldThread } from './fold-thread.ts'
import { createFolding, deviceType } from './folding.ts'
import { createIntake } from './intake.ts'
import { createParts } from './parts.ts'
import { createRetention } from './retention.ts'
import { createSightings } from './sightings.ts'
import { createVerification } from './verification.ts'

const page = 1000

export { deviceType } from './folding.ts'
export type { LogLine } from './parts.ts'

/** From where a log is read: after an entry, or from a time on. */
export type LogStart = { after: number } | { since: Date }

/** An entry as it is listed: whose log it is in, and the device whose line it is. */
export type ListedEntry = {
  id: number
  applicationId: string | null
  deviceId: string | null
  type: string
  payload: string
  at: Date
  /** Its place in the chain of its application, and what holds it there. */
  seq: number | null
  hash: string | null
}

/** Which entries are listed: newest first, those before an entry where one is given; or those after one, oldest first. */
export type LogQuery = {
  applicationId?: string | undefined
  type?: string | undefined
  before?: number | undefined
  after?: number | undefined
  limit: number
}

export type Logs = ReturnType<typeof createLogs>

type Needs = {
  db: Db
  commits: GroupCommit
  clock: Clock
  log: Log
  secret: string
  /** Told of each commit how many reports of devices it has stored. */
  committed?: (reports: number) => void
}

/** What devices and programs have said. `secret` is what the chains of entries are held together by. */
export function createLogs({ db, commits, clock, log, secret, committed = () => {} }: Needs) {
  const { logEntries, logChains, logDevices } = db.tables
  const chain = createChain(secret)
  const entries = createEntries({ db, chain })
  const devices = createLogDevices({ db })
  const sightings = createSightings({ db })
  const folding = createFolding({ entries, devices, sightings })
  const thread = db.apart && createFoldThread({ apart: db.apart, secret, log })
  const intake = createIntake({ db, log, entries, devices, sightings, folding, thread, committed })
  const parts = createParts(db)
  const retention = createRetention({ db, chain, parts, settle: intake.settle })
  const { id, type, payload, at, seq, hash } = logEntries
  const listed = { id, applicationId: logChains.applicationId, deviceId: logDevices.deviceId, type, payload, at, seq, hash }
  const saidIn = new WeakMap<Change, NewEntry[]>()

  /** The number of an application's log; null where nobody has logged to it. */
  async function logOf(applicationId: string) {
    const [row] = await db.read.select({ id: logChains.id }).from(logChains).where(eq(logChains.applicationId, applicationId))
    return row?.id ?? null
  }

  return {
    /** Takes in what a device has reported; resolves once it is stored. */
    report: intake.add,

    /** How many reports wait to be stored. */
    waiting: intake.waiting,

    /** Whether a thread of its own puts them into their place at present. */
    hasThread: () => thread?.isUp() ?? false,

    /** The number that the log has for a device, where it is in memory: a report that names it costs less. */
    deviceNumber: devices.known,

    /** Stores what a program says of its application, in order; resolves once it is committed. Many callers share a commit. */
    store(applicationId: string, said: { type: string; payload: string }[]): Promise<void> {
      const now = clock.now()
      const rows: NewEntry[] = said.map((entry) => ({ applicationId, device: null, at: now, ...entry }))
      return commits.submit(async (change) => {
        const others = saidIn.get(change)
        if (others) return void others.push(...rows)
        saidIn.set(change, rows)
        change.beforeCommit(logEntries, () => entries.write(change, rows))
      })
    },

    /** Up to 1000 lines of a device, oldest first, and whether there are more. */
    async ofDevice(deviceId: string, start: LogStart) {
      await intake.settle()
      const device = await devices.numberOf(deviceId)
      if (device === undefined) return { lines: [], more: false }
      const lines = await parts.linesOf(device, { after: 0, ...start, limit: page })
      return { lines, more: lines.length === page }
    },

    /** Entries, in the order that the query has. Those of programs are found by their type; lines of devices all have the one type `device`. */
    async list({ applicationId, type, before, after, limit }: LogQuery): Promise<ListedEntry[]> {
      await intake.settle()
      const log = applicationId === undefined ? undefined : await logOf(applicationId)
      if (log === null) return []
      const which = and(
        log === undefined ? undefined : eq(logEntries.log, log),
        type === undefined ? undefined : eq(logEntries.type, type),
        type === undefined || type === deviceType ? undefined : isNull(logEntries.device),
        before === undefined ? undefined : lt(logEntries.id, before),
        after === undefined ? undefined : gt(logEntries.id, after)
      )
      return db.read
        .select(listed)
        .from(logEntries)
        .leftJoin(logChains, eq(logChains.id, logEntries.log))
        .leftJoin(logDevices, eq(logDevices.id, logEntries.device))
        .where(which)
        .orderBy(after === undefined ? desc(logEntries.id) : asc(logEntries.id))
        .limit(limit)
    },

    /** How many entries the log of an application has, lines of devices included. */
    async total(applicationId: string) {
      await intake.settle()
      const [row] = await db.read
        .select({ total: logChains.total })
        .from(logChains)
        .where(eq(logChains.applicationId, applicationId))
      return row?.total ?? 0
    },

    /** Checks the chain of an application's log. */
    verify: createVerification({ db, chain, settle: intake.settle }),

    /** Calls `listener` after each commit of this process that has added to the log of an application. Gives the way to stop. */
    listen: entries.listen,

    /** Resolves once everything acknowledged until now has its place in the log and is counted. */
    settle: intake.settle,

    /** Resolves once the tables say of every device when it was last heard of, by all that was acknowledged until now. */
    async settleSeen() {
      await intake.settle()
      await sightings.settle()
    },

    /** Of the `limit` oldest entries, removes those older than `before`; gives how many went. They lie in the order of their time. */
    removeOld: retention.removeOld,

    /** Removes all entries of a log that is no application's any more, by its number, in small batches; resolves once there is none. */
    removeAll: retention.removeAll,

    /** Inside a change: removes the lines of a device that are in no application's log. */
    async removeOfDevice(change: Change, deviceId: string) {
      const device = await devices.numberOf(deviceId)
      if (device !== undefined) await retention.removeOfDevice(change, device)
    },

    /** Gives what was taken in its place; nothing more happens by itself. */
    stop: intake.stop
  }
}
