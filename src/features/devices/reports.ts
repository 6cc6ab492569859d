import { and, eq, lt } from 'drizzle-orm'
import type { GroupCommit } from '../../db/group-commit.ts'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { missing } from '../../lib/errors.ts'
import type { Deployments } from '../deployments/service.ts'
import type { Logs } from '../logs/service.ts'
import type { Notices } from '../notices/service.ts'
import type { Device } from './service.ts'
import type { StatusReport } from './status.ts'

/** What a device reported, as those who listen are told after it is stored. `over`: the way by which it came. */
export type Report = { device: Device; over: 'http' | 'mqtt'; status?: string; lines: string[] }

/** What a heartbeat is answered: to relaunch, or which deployment to run, if any. */
export type HeartbeatAnswer = { relaunch: true } | { relaunch: false; deploymentId: number | undefined }

export type Reports = ReturnType<typeof createReports>

type Needs = { db: Db; commits: GroupCommit; clock: Clock; notices: Notices; logs: Logs; deployments: Deployments }

/** What devices say of themselves: stored before it is answered or acknowledged. */
export function createReports({ db, commits, clock, notices, logs, deployments }: Needs) {
  const { devices } = db.tables
  const listeners = new Set<(report: Report) => void>()

  function tell(report: Report) {
    for (const listener of listeners) listener(report)
  }

  /** Gives the application that the device is with now: what it was when the device connected may be long past. */
  async function storeStatus(change: Change, device: Device, { status, deployment_id }: StatusReport) {
    const [was] = await change.tx
      .select({ status: devices.status, runningId: devices.runningId, applicationId: devices.applicationId })
      .from(devices)
      .where(eq(devices.id, device.id))
    if (!was) throw missing('Device not found')
    const { applicationId } = was
    const runningId = status === 'running' ? (deployment_id ?? was.runningId) : null
    await change.tx.update(devices).set({ status, runningId, lastSeenAt: clock.now() }).where(eq(devices.id, device.id))
    if (was.status === status && was.runningId === runningId) return { applicationId }
    const data = { device_id: device.id, device: device.name, team: device.team, status, running_id: runningId }
    await notices.record(change, { type: 'device.status', teamId: device.teamId, data })
    return { applicationId }
  }

  /** Takes the pending relaunch, if there is one: of two that ask at once, one gets it. */
  async function claimRelaunch(change: Change, device: Device) {
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

  return {
    /** Stores a heartbeat with its log lines, and gives what to do: relaunch (once), or which deployment to run. */
    async heartbeat(device: Device, report: StatusReport, lines: string[]): Promise<HeartbeatAnswer> {
      const relaunch = await commits.submit(async (change) => {
        const { applicationId } = await storeStatus(change, device, report)
        await logs.append(change, { id: device.id, applicationId }, lines)
        return claimRelaunch(change, device)
      })
      tell({ device, over: 'http', status: report.status, lines })
      if (relaunch) return { relaunch }
      const [now] = await deployments.ofDevice(device.id)
      return { relaunch, deploymentId: now?.deployment?.id }
    },

    /** Stores a status that came over MQTT. */
    async status(device: Device, report: StatusReport) {
      await commits.submit(async (change) => void (await storeStatus(change, device, report)))
      tell({ device, over: 'mqtt', status: report.status, lines: [] })
    },

    /** Stores log lines that came over MQTT. */
    async log(device: Device, lines: string[]) {
      await commits.submit(async (change) => {
        const [now] = await change.tx
          .update(devices)
          .set({ lastSeenAt: clock.now() })
          .where(eq(devices.id, device.id))
          .returning({ id: devices.id, applicationId: devices.applicationId })
        if (!now) throw missing('Device not found')
        await logs.append(change, now, lines)
      })
      tell({ device, over: 'mqtt', lines })
    },

    /** Notes that a device was there until now: its MQTT connection has ended. */
    async seen(deviceId: string) {
      await commits.submit(({ tx }) => tx.update(devices).set({ lastSeenAt: clock.now() }).where(eq(devices.id, deviceId)))
    },

    /** Calls `listener` with every report once it is stored. Gives the way to stop. */
    listen(listener: (report: Report) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  }
}
