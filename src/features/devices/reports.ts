import { and, eq, lt } from 'drizzle-orm'
import type { GroupCommit } from '../../db/group-commit.ts'
import { type Change, type Db, given } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { missing, tooLarge } from '../../lib/errors.ts'
import type { Relay } from '../hubs/relay.ts'
import type { Logs } from '../logs/service.ts'
import type { Metrics } from '../metrics/service.ts'
import type { Notices } from '../notices/service.ts'
import type { Device } from './columns.ts'
import type { DeviceState, DeviceStates } from './states.ts'
import type { StatusReport } from './status.ts'

/** What a device reported, as those who listen are told after it is stored. `over`: the way by which it came. */
export type Report = { device: Device; over: 'http' | 'mqtt'; status?: string; lines: string[] }

/** What a heartbeat is answered: to relaunch, or which deployment to run, if any. */
export type HeartbeatAnswer = { relaunch: true } | { relaunch: false; deploymentId: number | undefined }

export type Reports = ReturnType<typeof createReports>

/** What is done to a device as it is then. */
type Work<T> = (change: Change, state: DeviceState) => Promise<T>

const keyOf = (deviceId: string) => `device:${deviceId}`
const nothing = new Uint8Array()

/** More at once would hold up everybody else's transaction. */
const linesAtOnce = 1000

function refuseTooMany(lines: string[]) {
  if (lines.length > linesAtOnce) throw tooLarge(`At most ${linesAtOnce} log lines at a time`)
}

type Needs = {
  db: Db
  commits: GroupCommit
  clock: Clock
  notices: Notices
  relay: Relay
  logs: Logs
  states: DeviceStates
  metrics: Metrics
}

/** What devices say of themselves: stored, many in one transaction, before it is answered or acknowledged. */
export function createReports({ db, commits, clock, notices, relay, logs, states, metrics }: Needs) {
  const { devices } = db.tables
  const listeners = new Set<(report: Report) => void>()
  const changing = new Map<string, Promise<unknown>>() // devices by their ids: the last change of each that is under way
  const isDevice = eq(devices.id, given('id'))
  const setStatus = db.prepare((database) =>
    database
      .update(devices)
      .set({ status: given('status'), runningId: given('runningId') })
      .where(isDevice)
  )

  function tell(report: Report) {
    for (const listener of listeners) listener(report)
    if (report.lines.length > 0 && relay.isWanted(keyOf(report.device.id))) relay.pass(keyOf(report.device.id), nothing)
  }

  function listen(listener: (report: Report) => void) {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  /** A device as it is now. Throws `missing` for one that is no more. */
  async function current(known: DeviceState | string): Promise<DeviceState> {
    if (typeof known !== 'string' && known.current) return known
    const found = states.byId(typeof known === 'string' ? known : known.device.id)
    const state = found instanceof Promise ? await found : found
    if (!state) throw missing('Device not found')
    return state
  }

  /** Stores that a device was there, with the lines that it sent. */
  function takeIn(state: DeviceState, lines: string[] = []) {
    const { id, applicationId } = state.device
    state.number ??= logs.deviceNumber(id)
    return logs.report({ device: state.number ?? id, applicationId, at: clock.now(), lines })
  }

  /**
   * Changes a device, once what it sent is stored, and what it sent before is done with: of two reports the later is what is
   * so. Throws `missing` for one that is no more.
   */
  async function changeInTurn<T>(known: DeviceState, stored: Promise<void>, work: Work<T>): Promise<T> {
    const { id } = known.device
    const before = changing.get(id)
    const changed = Promise.all([before, stored]).then(async () => {
      const state = await current(known)
      return commits.submit((change) => work(change, state))
    })
    const done = changed.catch(() => {})
    changing.set(id, done)
    try {
      return await changed
    } catch (error) {
      states.drop(id) // what the work noted in it has not come to pass
      if (await states.byId(id)) throw error
      throw missing('Device not found')
    } finally {
      if (changing.get(id) === done) changing.delete(id)
    }
  }

  const runningOf = (state: DeviceState, { status, deployment_id }: StatusReport) =>
    status === 'running' ? (deployment_id ?? state.runningId) : null

  const isNews = (state: DeviceState, report: StatusReport) =>
    state.status !== report.status || state.runningId !== runningOf(state, report)

  /** As a report comes: what comes before it may be about to change the device, and only then is it known. */
  const mayBeNews = (state: DeviceState, report: StatusReport) => isNews(state, report) || changing.has(state.device.id)

  async function storeStatus(change: Change, state: DeviceState, report: StatusReport) {
    if (!isNews(state, report)) return
    const { device } = state
    const { status } = report
    const runningId = runningOf(state, report)
    await setStatus.within(change, { id: device.id, status, runningId })
    Object.assign(state, { status, runningId })
    const data = { device_id: device.id, device: device.name, team: device.team, status, running_id: runningId }
    await notices.record(change, { type: 'device.status', teamId: device.teamId, data })
  }

  /** Takes the pending relaunch, if there is one: of two that ask at once, one gets it. */
  async function claimRelaunch(change: Change, state: DeviceState) {
    if (!state.relaunchPending) return false
    state.relaunchPending = false
    const { device } = state
    const [claimed] = await change.tx
      .update(devices)
      .set({ relaunchToldSeq: devices.relaunchSeq })
      .where(and(eq(devices.id, device.id), lt(devices.relaunchToldSeq, devices.relaunchSeq)))
      .returning({ seq: devices.relaunchSeq })
    if (!claimed) return false
    const data = { device_id: device.id, device: device.name, team: device.team, seq: claimed.seq }
    await notices.record(change, { type: 'device.relaunch_told', teamId: device.teamId, data })
    return true
  }

  const answerOf = ({ deployment }: DeviceState): HeartbeatAnswer => ({ relaunch: false, deploymentId: deployment?.id })

  async function claimOrAnswer(change: Change, state: DeviceState): Promise<HeartbeatAnswer> {
    return (await claimRelaunch(change, state)) ? { relaunch: true } : answerOf(state)
  }

  async function storeNews(change: Change, state: DeviceState, report: StatusReport) {
    await storeStatus(change, state, report)
    return claimOrAnswer(change, state)
  }

  /** The answer to a heartbeat that says nothing new: by what is so when it is stored. */
  async function answerOnce(stored: Promise<void>, known: DeviceState) {
    await stored
    const state = known.current ? known : await current(known)
    return state.relaunchPending ? changeInTurn(state, stored, claimOrAnswer) : answerOf(state)
  }

  return {
    /** Stores a heartbeat with its log lines, and gives what to do: relaunch (once), or which deployment to run. */
    async heartbeat(known: DeviceState, report: StatusReport, lines: string[]): Promise<HeartbeatAnswer> {
      refuseTooMany(lines)
      const state = known.current ? known : await current(known)
      const stored = takeIn(state, lines)
      // Most often there is nothing more to do, and nothing to wait for.
      const answer =
        mayBeNews(state, report) || state.relaunchPending
          ? await changeInTurn(state, stored, (change, now) => storeNews(change, now, report))
          : await answerOnce(stored, state)
      metrics.heartbeat()
      tell({ device: known.device, over: 'http', status: report.status, lines })
      return answer
    },

    /** Stores a status that came over MQTT. */
    async status(device: Device, report: StatusReport) {
      const state = await current(device.id)
      const stored = takeIn(state)
      if (mayBeNews(state, report)) await changeInTurn(state, stored, (change, now) => storeStatus(change, now, report))
      else await stored
      tell({ device, over: 'mqtt', status: report.status, lines: [] })
    },

    /** Stores log lines that came over MQTT. */
    async log(device: Device, lines: string[]) {
      refuseTooMany(lines)
      await takeIn(await current(device.id), lines)
      tell({ device, over: 'mqtt', lines })
    },

    /** Notes that a device was there until now: its MQTT connection has ended. */
    seen: (deviceId: string): Promise<void> => logs.report({ device: deviceId, applicationId: null, at: clock.now(), lines: [] }),

    /** Calls `listener` with every report to this hub once it is stored. Gives the way to stop. */
    listen,

    /** Calls `wake` whenever there may be more in the log of a device, whichever hub it talks to. Gives the way to stop. */
    listenTo(deviceId: string, wake: () => void) {
      const stops = [listen(({ device }) => void (device.id === deviceId && wake())), relay.want(keyOf(deviceId), () => wake())]
      return () => {
        for (const stop of stops) stop()
      }
    }
  }
}
