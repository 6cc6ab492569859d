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

const keyOf = (deviceId: string) => `device:${deviceId}`
const nothing = new Uint8Array()

/** More at once would hold up everybody else's transaction. */
const linesAtOnce = 1000
const notedAtOnce = 200

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
  const gone = new Set<string>()
  let noted: Promise<void> | undefined
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

  /** Notes that a device was there, with the lines that it sent. */
  function takeIn(change: Change, state: DeviceState, lines: string[] = []) {
    const { id, applicationId } = state.device
    state.number ??= logs.deviceNumber(id)
    logs.report(change, { device: state.number ?? id, applicationId, at: clock.now(), lines })
  }

  /** Runs work on a device as it is now, in the next transaction. Throws `missing` for one that is no more. */
  async function onDevice<T>(
    known: DeviceState | string,
    work: (change: Change, state: DeviceState) => T | Promise<T>
  ): Promise<T> {
    const deviceId = typeof known === 'string' ? known : known.device.id
    const found = typeof known !== 'string' && known.current ? known : states.byId(deviceId)
    const state = found instanceof Promise ? await found : found
    if (!state) throw missing('Device not found')
    try {
      return await commits.submit((change) => work(change, state))
    } catch (error) {
      states.drop(deviceId) // what the work noted in it has not come to pass
      if (await states.byId(deviceId)) throw error
      throw missing('Device not found')
    }
  }

  const runningOf = (state: DeviceState, { status, deployment_id }: StatusReport) =>
    status === 'running' ? (deployment_id ?? state.runningId) : null

  const isNews = (state: DeviceState, report: StatusReport) =>
    state.status !== report.status || state.runningId !== runningOf(state, report)

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

  async function storeNews(change: Change, state: DeviceState, report: StatusReport): Promise<HeartbeatAnswer> {
    await storeStatus(change, state, report)
    return (await claimRelaunch(change, state)) ? { relaunch: true } : answerOf(state)
  }

  /** Many connections end at once when a network does: they are noted together. */
  async function noteGone() {
    while (gone.size > 0) {
      const ids = [...gone].slice(0, notedAtOnce)
      for (const id of ids) gone.delete(id)
      await commits.submit(async (change) => {
        for (const id of ids) logs.report(change, { device: id, applicationId: null, at: clock.now(), lines: [] })
      })
    }
    noted = undefined
  }

  return {
    /** Stores a heartbeat with its log lines, and gives what to do: relaunch (once), or which deployment to run. */
    async heartbeat(known: DeviceState, report: StatusReport, lines: string[]): Promise<HeartbeatAnswer> {
      refuseTooMany(lines)
      const answer = await onDevice(known, (change, state) => {
        takeIn(change, state, lines)
        // Most often there is nothing more to do, and nothing to wait for.
        return isNews(state, report) || state.relaunchPending ? storeNews(change, state, report) : answerOf(state)
      })
      metrics.heartbeat()
      tell({ device: known.device, over: 'http', status: report.status, lines })
      return answer
    },

    /** Stores a status that came over MQTT. */
    async status(device: Device, report: StatusReport) {
      await onDevice(device.id, async (change, state) => {
        await storeStatus(change, state, report)
        takeIn(change, state)
      })
      tell({ device, over: 'mqtt', status: report.status, lines: [] })
    },

    /** Stores log lines that came over MQTT. */
    async log(device: Device, lines: string[]) {
      refuseTooMany(lines)
      await onDevice(device.id, (change, state) => takeIn(change, state, lines))
      tell({ device, over: 'mqtt', lines })
    },

    /** Notes that a device was there until now: its MQTT connection has ended. */
    seen(deviceId: string): Promise<void> {
      gone.add(deviceId)
      noted ??= noteGone()
      return noted
    },

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
