import { and, asc, eq, inArray, type SQL } from 'drizzle-orm'
import type { Blob, StagedBlob } from '../../blobs/store.ts'
import { type Change, type Db, given } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { forbidden, missing } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import type { Application } from '../applications/service.ts'
import type { Notices } from '../notices/service.ts'
import { choiceColumns, newest } from './choice.ts'

/** What a device is told of a deployment. */
export type Deployment = { id: number; size: number; md5: string; sha256: string }

/** An application as it is deployed to. */
export type Deployable = { id: string; slug: string; team: { id: string; name: string } }

export type NewDeployment = { board: string; tag: string | null; groupId?: string | undefined }

/** A device, with the deployment that it should run. */
export type Desired = { deviceId: string; teamId: string; device: string; deployment: Deployment | null }

/** What the choice depends on. */
type Target = { id: string; applicationId: string | null; board: string; tag: string | null }

/** Which devices a deployment is for. */
export type Affected = { applicationId: string; board: string; tag: string | null }

export type Deployments = ReturnType<typeof createDeployments>

/** Which image is to run on which devices. */
export function createDeployments({ db, clock, notices }: { db: Db; clock: Clock; notices: Notices }) {
  const { devices, deployments } = db.tables
  const choice = choiceColumns(db.tables)
  const told = { id: deployments.id, size: deployments.size, md5: deployments.md5, sha256: deployments.sha256 }

  async function byIds(ids: number[]) {
    const [only] = ids
    if (ids.length === 1 && only !== undefined) return new Map((await oneById.read({ id: only })).map((row) => [row.id, row]))
    const rows = ids.length === 0 ? [] : await db.read.select(told).from(deployments).where(inArray(deployments.id, ids))
    return new Map(rows.map((row) => [row.id, row]))
  }

  const select = { deviceId: devices.id, teamId: devices.teamId, device: devices.name, ...choice }
  const oneByName = db.prepare((database) =>
    database
      .select(select)
      .from(devices)
      .where(and(eq(devices.teamId, given('teamId')), eq(devices.name, given('name'))))
  )

  const desired = async (which: SQL | undefined) =>
    withDeployments(await db.read.select(select).from(devices).where(which).orderBy(asc(devices.name)))

  async function withDeployments(rows: Awaited<ReturnType<typeof oneByName.read>>): Promise<Desired[]> {
    const chosen = await byIds([...new Set(rows.map(newest))].filter((id) => id !== null))
    return rows.map(({ deviceId, teamId, device, ...row }) => {
      const deployment = chosen.get(newest(row) ?? 0) ?? null
      return { deviceId, teamId, device, deployment }
    })
  }

  async function named(device: Target, id: number) {
    const [row] = await targetById.read({ id })
    if (!row) throw missing('Deployment not found')
    if (row.applicationId !== device.applicationId) throw forbidden('The device is not associated with the application')
    if (row.board !== device.board || (row.tag !== null && row.tag !== device.tag))
      throw missing('The deployment is not for this device')
    return row
  }

  const targetById = db.prepare((database) =>
    database
      .select()
      .from(deployments)
      .where(eq(deployments.id, given('id')))
  )
  const oneById = db.prepare((database) =>
    database
      .select(told)
      .from(deployments)
      .where(eq(deployments.id, given('id')))
  )

  async function add(
    change: Change,
    application: Deployable,
    { board, tag, groupId = newId() }: NewDeployment,
    { sha256, md5, size }: Blob
  ) {
    const { id: applicationId, slug: app, team } = application
    const values = { applicationId, board, tag, groupId, sha256, md5, size, createdAt: clock.now() }
    const [created] = await change.tx.insert(deployments).values(values).returning({ id: deployments.id })
    if (!created) throw missing('Application not found')
    const of = { id: created.id, app, application_id: applicationId, team: team.name }
    const data = { ...of, board, tag, group_id: groupId, size, md5, sha256 }
    await notices.record(change, { type: 'deployment.created', teamId: team.id, data })
    return { id: created.id, groupId }
  }

  return {
    /** A deployment by its id. */
    byId: async (id: number): Promise<Deployment | undefined> => (await oneById.read({ id }))[0],

    /** Deploys an image: the bytes are kept, and the notice of it is recorded with the row. */
    async create(application: Application, deployment: NewDeployment, image: StagedBlob) {
      await image.keep()
      return db.write((change) => add(change, application, deployment, image))
    },

    /** Inside a change: deploys an image whose bytes are kept already. */
    add,

    /** What each device of a team should run; of one device where its name is given. */
    ofTeam: async (teamId: string, device?: string) =>
      device === undefined
        ? desired(eq(devices.teamId, teamId))
        : withDeployments(await oneByName.read({ teamId, name: device })),

    /** What one device should run. */
    ofDevice: (deviceId: string) => desired(eq(devices.id, deviceId)),

    /** What the devices that a deployment is for should run by now; only those `among` these, where that is given. */
    ofAffected: ({ applicationId, board, tag }: Affected, among?: string[]) =>
      desired(
        and(
          among && inArray(devices.id, among),
          eq(devices.applicationId, applicationId),
          eq(devices.board, board),
          tag === null ? undefined : eq(devices.tag, tag)
        )
      ),

    /** The deployment whose image a device may fetch: the one it names, or else the one it should run, which is there at once. */
    forDevice(
      { device, deployment: current }: { device: Target; deployment: Deployment | null },
      id?: number
    ): Deployment | Promise<Deployment> {
      if (id !== undefined && id !== current?.id) return named(device, id)
      if (!current) throw missing('No deployments')
      return current
    }
  }
}
