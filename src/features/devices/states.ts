import { eq, type SQL } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import { type Db, given } from '../../db/index.ts'
import { hashSecret } from '../../lib/secrets.ts'
import { createSharedTexts } from '../../lib/shared-texts.ts'
import { choiceColumns, newest } from '../deployments/choice.ts'
import type { Deployment, Deployments } from '../deployments/service.ts'
import type { NewNotice } from '../notices/kinds.ts'
import type { Notices } from '../notices/service.ts'
import { type Device, deviceColumns } from './columns.ts'
import { createDeviceMemory, type Kept } from './memory.ts'

const atMost = 200_000
const deploymentsAtMost = 1000
const namesAtMost = 10_000

/** What the hot paths need of a device. `reports.ts` keeps status and running id up to what it stores. */
export type DeviceState = Kept & {
  device: Device
  /** The number that the log has for it, once it is known. */
  number: number | undefined
  status: 'new' | 'ready' | 'running'
  runningId: number | null
  relaunchPending: boolean
  /** What it should run. */
  deployment: Deployment | null
}

export type DeviceStates = ReturnType<typeof createDeviceStates>

/**
 * Devices as the hot paths see them, in memory. What a change touches is dropped with its commit, before the change is
 * answered; what was read before a drop is not kept after it.
 */
export function createDeviceStates({ db, notices, deployments }: { db: Db; notices: Notices; deployments: Deployments }) {
  const { devices, teams } = db.tables
  const states = createDeviceMemory<DeviceState>(atMost)
  const known = new LRUCache<number, Deployment>({ max: deploymentsAtMost })
  const shared = createSharedTexts(namesAtMost)
  // When each was last dropped, and when all were: what was read before is not kept after.
  const dropped = new LRUCache<string, number>({ max: atMost })
  const loading = new Map<string, Promise<DeviceState | undefined>>() // of devices by their ids
  const beingTold = new Set<string>() // of their relaunch; the database has it as pending until that is stored
  let allDropped = 0
  let turn = 0

  const select = (which: SQL) =>
    db.prepare((database) =>
      database
        .select({
          ...deviceColumns(db.tables),
          secretHash: devices.secretHash,
          status: devices.status,
          runningId: devices.runningId,
          relaunchSeq: devices.relaunchSeq,
          relaunchToldSeq: devices.relaunchToldSeq,
          ...choiceColumns(db.tables)
        })
        .from(devices)
        .innerJoin(teams, eq(teams.id, devices.teamId))
        .where(which)
    )
  const bySecretHash = select(eq(devices.secretHash, given('key')))
  const byId = select(eq(devices.id, given('key')))

  async function load(query: typeof byId, key: string): Promise<DeviceState | undefined> {
    const before = turn
    const [row] = await query.read({ key })
    if (!row) return undefined
    const { ofTag, ofNoTag, secretHash, status, runningId, relaunchSeq, relaunchToldSeq } = row
    const device = deviceOf(row)
    const deploymentId = newest({ ofTag, ofNoTag })
    const deployment = deploymentId === null ? null : await deploymentById(deploymentId)
    const relaunchPending = relaunchSeq > relaunchToldSeq && !beingTold.has(device.id)
    const unseen = { current: false, number: undefined }
    const state: DeviceState = { secretHash, device, status, runningId, relaunchPending, deployment, ...unseen }
    if (Math.max(allDropped, dropped.get(device.id) ?? 0) <= before) states.keep(device.id, state)
    return state
  }

  /** Those who ask for a device while it is read share that, and go on in the order in which they came. */
  function loadOnce(id: string) {
    const known = loading.get(id)
    if (known) return known
    const loaded = load(byId, id).finally(() => {
      if (loading.get(id) === loaded) loading.delete(id)
    })
    loading.set(id, loaded)
    return loaded
  }

  /** What a whole fleet names alike is in memory once: of a large one, that is in the processor's caches too. */
  const deviceOf = ({ id, teamId, team, name, board, tag, applicationId }: Device): Device => ({
    id,
    teamId: shared(teamId),
    team: shared(team),
    name,
    board: shared(board),
    tag: tag === null ? null : shared(tag),
    applicationId: applicationId === null ? null : shared(applicationId)
  })

  /** A deployment never changes: all devices that should run it share it. */
  async function deploymentById(id: number) {
    const deployment = known.get(id) ?? (await deployments.byId(id)) ?? null
    if (deployment) known.set(id, deployment)
    return deployment
  }

  function drop(deviceId: string) {
    dropped.set(deviceId, ++turn)
    loading.delete(deviceId)
    states.forget(deviceId)
  }

  function dropWhere(which: (state: DeviceState) => boolean) {
    allDropped = ++turn
    loading.clear()
    states.forgetWhere(which)
  }

  function dropTouched({ type, data }: NewNotice) {
    if (type === 'deployment.created' || type === 'application.deleted') {
      dropWhere(({ device }) => device.applicationId === data.application_id)
    } else if (type === 'team.deleted' || type === 'account.deleted') {
      dropWhere(() => true)
    } else if ('device_id' in data) {
      drop(data.device_id)
    }
  }

  notices.onCommit(dropTouched) // of this process, before the change is answered
  notices.listen(dropTouched) // of every other

  return {
    /** The device that a secret is of: at once where it is in memory. */
    bySecret(secret: string): DeviceState | Promise<DeviceState | undefined> {
      const hash = hashSecret(secret)
      return states.bySecretHash(hash) ?? load(bySecretHash, hash)
    },

    /** A device by its id: at once where it is in memory. */
    byId: (id: string): DeviceState | Promise<DeviceState | undefined> => states.byId(id) ?? loadOnce(id),

    /** Stores that a device has been told of its relaunch, or is about to be: nobody else tells it meanwhile. */
    async whileTold<T>(deviceId: string, store: () => Promise<T>): Promise<T> {
      beingTold.add(deviceId)
      const state = states.byId(deviceId)
      if (state) state.relaunchPending = false
      try {
        return await store()
      } finally {
        beingTold.delete(deviceId)
        drop(deviceId)
      }
    },

    /** Forgets a device: the next look is at the database. */
    drop
  }
}
