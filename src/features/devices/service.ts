import { and, asc, eq, lt, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, missing, unauthorized } from '../../lib/errors.ts'
import { hashSecret, newDeviceSecret, newId } from '../../lib/secrets.ts'
import type { RateLimits } from '../accounts/limits.ts'
import { nameKey } from '../accounts/usernames.ts'
import type { Application } from '../applications/service.ts'
import { choiceColumns, newest } from '../deployments/choice.ts'
import type { Logs } from '../logs/service.ts'
import type { Notices } from '../notices/service.ts'
import type { Team } from '../teams/service.ts'
import { type Device, deviceColumns } from './columns.ts'
import type { Presence } from './presence.ts'
import type { DeviceState, DeviceStates } from './states.ts'

/** `tag` null: no tag; a field left out stays as it is. */
export type DeviceChange = { board?: string | undefined; tag?: string | null | undefined }

/** A device as it is listed. `deploymentId`: what it should run; `runningId`: what it says it runs; `connected`: over MQTT, now. */
export type ListedDevice = {
  id: string
  name: string
  board: string
  tag: string | null
  app: string | null
  status: 'new' | 'ready' | 'running' | 'down'
  connected: boolean
  lastSeenAt: Date | null
  runningId: number | null
  deploymentId: number | null
}

/** A device, as notices name it. */
type Named = Pick<Device, 'id' | 'teamId' | 'name' | 'team'>

export type Devices = ReturnType<typeof createDevices>

type Needs = {
  db: Db
  clock: Clock
  notices: Notices
  logs: Logs
  limits: RateLimits
  presence: Presence
  states: DeviceStates
  downAfter: number
}

/** The esp8266 fleet: which devices there are, and what they are asked to do. `downAfter` in ms. */
export function createDevices({ db, clock, notices, logs, limits, presence, states, downAfter }: Needs) {
  const { devices, logDevices, logSeen, teams, applications } = db.tables
  const columns = deviceColumns(db.tables)
  const nameOf = ({ id, name, team }: Named) => ({ device_id: id, device: name, team })

  async function find(which: SQL | undefined): Promise<Device | undefined> {
    const [device] = await db.read.select(columns).from(devices).innerJoin(teams, eq(teams.id, devices.teamId)).where(which)
    return device
  }

  async function inTeam(team: Team, name: string) {
    const device = await find(and(eq(devices.teamId, team.id), eq(devices.name, name)))
    if (!device) throw missing('Device not found')
    return device
  }

  async function orRefused(found: Promise<DeviceState | undefined> | undefined, address: () => string) {
    const state = await found
    if (state) return state
    await limits.wrongDeviceSecret(address())
    throw missing('Device not found')
  }

  return {
    /** Registers a device. The secret is given once and stored only as a hash. Throws `conflict` for a name taken in the team. */
    async register(team: Team, { name, board, tag }: { name: string; board: string; tag: string | null }) {
      const secret = newDeviceSecret()
      const id = newId()
      await db.write(async (change) => {
        const values = { id, teamId: team.id, name, board, tag, secretHash: hashSecret(secret), createdAt: clock.now() }
        const [created] = await change.tx
          .insert(devices)
          .values({ ...values, status: 'new', relaunchSeq: 0, relaunchToldSeq: 0 })
          .onConflictDoNothing()
          .returning({ id: devices.id })
        if (!created) throw conflict('Device already exists', ['device_name is already taken'])
        const data = { device_id: id, device: name, team: team.name, board, tag }
        await notices.record(change, { type: 'device.registered', teamId: team.id, data })
      })
      return { id, secret }
    },

    /** The devices of a team, by name. */
    async list(team: Team): Promise<ListedDevice[]> {
      const { id, name, board, tag, status, runningId } = devices
      const { lastSeenAt } = logSeen
      await logs.settleSeen()
      const rows = await db.read
        .select({ id, name, board, tag, status, lastSeenAt, runningId, app: applications.slug, ...choiceColumns(db.tables) })
        .from(devices)
        .leftJoin(applications, eq(applications.id, devices.applicationId))
        .leftJoin(logDevices, eq(logDevices.deviceId, devices.id))
        .leftJoin(logSeen, eq(logSeen.device, logDevices.id))
        .where(eq(devices.teamId, team.id))
        .orderBy(asc(devices.name))
      const silentSince = clock.now().getTime() - downAfter
      return rows.map(({ ofTag, ofNoTag, ...row }) => {
        const connected = presence.has(row.id)
        const silent = row.lastSeenAt !== null && row.lastSeenAt.getTime() < silentSince
        const shown = silent && !connected ? 'down' : row.status
        return { ...row, status: shown, connected, deploymentId: newest({ ofTag, ofNoTag }) }
      })
    },

    /** A device of a team by its name. */
    inTeam,

    /** The device that a secret is of, with what it should do: at once where it is in memory. Throws `missing`, and `tooMany` after too many unknown ones from the address. */
    bySecret(secret: string, address: () => string): DeviceState | Promise<DeviceState> {
      const state = isSecret(secret) ? states.bySecret(secret) : undefined
      return state === undefined || state instanceof Promise ? orRefused(state, address) : state
    },

    /** What a device should do, by its id; undefined where it is no more. */
    state: (deviceId: string) => states.byId(deviceId),

    /** The device that signs in as `<team>/<name>` with its secret. Throws `unauthorized`, and `tooMany` as above. */
    async signIn(username: string, secret: string, address: string): Promise<Device> {
      const device = isSecret(secret) ? (await states.bySecret(secret))?.device : undefined
      const slash = username.indexOf('/')
      const [team, name] = [username.slice(0, slash), username.slice(slash + 1)]
      if (device && nameKey(device.team) === nameKey(team) && device.name === name) return device
      await limits.wrongDeviceSecret(address)
      throw unauthorized()
    },

    /** Whether there is (still) a device of that id. */
    exists: async (id: string) => (await find(eq(devices.id, id))) !== undefined,

    /** Changes a device's board or tag. */
    async update(device: Device, { board, tag }: DeviceChange) {
      if (board === undefined && tag === undefined) return
      await db.write(async (change) => {
        const set = { ...(board === undefined ? {} : { board }), ...(tag === undefined ? {} : { tag }) }
        const [now] = await change.tx
          .update(devices)
          .set(set)
          .where(eq(devices.id, device.id))
          .returning({ board: devices.board, tag: devices.tag })
        if (!now) throw missing('Device not found')
        await notices.record(change, { type: 'device.updated', teamId: device.teamId, data: { ...nameOf(device), ...now } })
      })
    },

    /** Makes a device run an application. */
    async associate(device: Device, application: Application) {
      await db.write(async (change) => {
        const [now] = await change.tx
          .update(devices)
          .set({ applicationId: application.id })
          .where(eq(devices.id, device.id))
          .returning({ id: devices.id })
        if (!now) throw missing('Device not found')
        const data = { ...nameOf(device), app: application.slug }
        await notices.record(change, { type: 'device.associated', teamId: device.teamId, data })
      })
    },

    /** Asks a device to restart its application; it is told once, over whichever way comes first. */
    async relaunch(device: Device) {
      await db.write(async (change) => {
        const [now] = await change.tx
          .update(devices)
          .set({ relaunchSeq: sql`${devices.relaunchSeq} + 1` })
          .where(eq(devices.id, device.id))
          .returning({ seq: devices.relaunchSeq })
        if (!now) throw missing('Device not found')
        await notices.record(change, {
          type: 'device.relaunch',
          teamId: device.teamId,
          data: { ...nameOf(device), seq: now.seq }
        })
      })
    },

    /** The number of the relaunch that a device has not been told of yet, if there is one. */
    async pendingRelaunch(deviceId: string) {
      if (!(await states.byId(deviceId))?.relaunchPending) return undefined
      const [row] = await db.read
        .select({ seq: devices.relaunchSeq })
        .from(devices)
        .where(and(eq(devices.id, deviceId), lt(devices.relaunchToldSeq, devices.relaunchSeq)))
      return row?.seq
    },

    /** Notes that a device has been told of its relaunches up to `seq`, or will be at once; gives whether nobody else has told it. */
    relaunchTold: (device: Named, seq: number): Promise<boolean> =>
      states.whileTold(device.id, () =>
        db.write(async (change) => {
          const [row] = await change.tx
            .update(devices)
            .set({ relaunchToldSeq: seq })
            .where(and(eq(devices.id, device.id), lt(devices.relaunchToldSeq, seq)))
            .returning({ id: devices.id })
          if (!row) return false
          const data = { ...nameOf(device), seq }
          await notices.record(change, { type: 'device.relaunch_told', teamId: device.teamId, data })
          return true
        })
      ),

    /** Takes that back: the device has gone before it could be told. The relaunch is told of anew. */
    async relaunchNotTold(device: Named, seq: number) {
      await db.write(async (change) => {
        const [row] = await change.tx
          .update(devices)
          .set({ relaunchToldSeq: seq - 1 })
          .where(and(eq(devices.id, device.id), eq(devices.relaunchToldSeq, seq)))
          .returning({ seq: devices.relaunchSeq })
        if (!row) return
        const data = { ...nameOf(device), seq: row.seq }
        await notices.record(change, { type: 'device.relaunch', teamId: device.teamId, data })
      })
    },

    /** Deletes a device with its log; what it said stays in the log of the application that it said it for. */
    async remove(device: Device) {
      await logs.settle()
      await db.write(async (change) => {
        await change.lockOrder() // before what reports are put into is touched, as everywhere
        await logs.removeOfDevice(change, device.id)
        const [gone] = await change.tx.delete(devices).where(eq(devices.id, device.id)).returning({ id: devices.id })
        if (!gone) throw missing('Device not found')
        await notices.record(change, { type: 'device.deleted', teamId: device.teamId, data: nameOf(device) })
      })
    }
  }
}

const isSecret = (text: string) => /^[0-9a-f]{40}$/.test(text)
