import { and, asc, eq, inArray } from 'drizzle-orm'
import type { StagedBlob } from '../../blobs/store.ts'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { HubError, invalid, missing } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import { createSlots } from '../../lib/slots.ts'
import type { Application } from '../applications/service.ts'
import type { Blobs } from '../blobs/service.ts'
import { putFolder } from '../containers/archives.ts'
import { RunFailure } from '../containers/failures.ts'
import { readLog } from '../containers/logs.ts'
import { discardOutputs, type Output, takeOutputs } from '../containers/outputs.ts'
import type { Run, RunEnd } from '../containers/runs.ts'
import type { Containers } from '../containers/service.ts'
import type { Deployments } from '../deployments/service.ts'
import type { Lost } from '../hubs/lost.ts'
import type { Notices } from '../notices/service.ts'
import { complaintAbout, unpacked } from './source-zip.ts'

const board = 'esp8266'
const logShown = 256 * 1024
const imagesAtMost = 16
const outputAtMost = 1024 * 1024 * 1024
const unfinished = ['queued', 'building'] as const

type Needs = {
  db: Db
  clock: Clock
  notices: Notices
  blobs: Blobs
  deployments: Deployments
  containers: Pick<Containers, 'runs' | 'spools' | 'mirrors' | 'hubId'>
  /** How many are under way at a time. */
  atOnce: number
  /** The image that compiles for the board; undefined where none is configured. */
  builderImage: string | undefined
  imageMaxBytes: number
}

export type Builds = ReturnType<typeof createBuilds>

/** Firmware made from source in the board's builder image, and deployed. */
export function createBuilds({ db, clock, notices, blobs, deployments, containers, atOnce, builderImage, imageMaxBytes }: Needs) {
  const { runs, hubId: node } = containers
  const { builds, applications, teams, deployments: deployed } = db.tables
  const slots = createSlots(atOnce)
  const runOf = (id: number) => `build-${id}`

  async function byId(id: number) {
    const [row] = await db.read
      .select({ build: builds, app: applications.slug, teamId: teams.id, team: teams.name })
      .from(builds)
      .innerJoin(applications, eq(applications.id, builds.applicationId))
      .innerJoin(teams, eq(teams.id, applications.teamId))
      .where(eq(builds.id, id))
    return row
  }

  type Row = NonNullable<Awaited<ReturnType<typeof byId>>>

  /** Sets the status of a build that is not over, with the notice of it; gives whether there was one. `more` goes into the same transaction. */
  async function set({ build, app, team, teamId }: Row, values: Partial<Row['build']>, more?: (change: Change) => Promise<void>) {
    return db.write(async (change) => {
      const open = and(eq(builds.id, build.id), inArray(builds.status, unfinished))
      const [row] = await change.tx.update(builds).set(values).where(open).returning({ status: builds.status })
      if (!row) return false
      await more?.(change)
      const data = { team, app, application_id: build.applicationId, id: build.id, status: row.status }
      if (values.status) await notices.record(change, { type: 'build.status', teamId, data })
      return true
    })
  }

  async function unfinishedAt(hub: string) {
    const rows = await db.read
      .select({ id: builds.id })
      .from(builds)
      .where(and(inArray(builds.status, unfinished), eq(builds.node, hub)))
      .orderBy(asc(builds.id))
    return rows.map(({ id }) => id)
  }

  async function deployAll(row: Row, images: Output[], change: Change) {
    const { build, app, team, teamId } = row
    const application = { id: build.applicationId, slug: app, team: { id: teamId, name: team } }
    for (const { bytes } of images) {
      await deployments.add(change, application, { board: build.board, tag: build.tag, groupId: build.groupId }, bytes)
    }
  }

  const runFor = (row: Row): Run<Output[]> => ({
    name: runOf(row.build.id),
    image: builderImage ?? '',
    folder: '/src',
    logStart: row.build.logStart,

    async prepare() {
      const { sourceSha256: sha256, sourceSize: size } = row.build
      const bytes = Buffer.from(await new Response(await blobs.part({ sha256, size }, 0, size - 1)).arrayBuffer())
      const archive = unpacked(bytes, 'src', (tar) => putFolder(tar, 'out'))
      return { archive, env: { BOARD: row.build.board, SRC: '/src', OUT: '/out' } }
    },

    started: async ({ logStart }) => void (await set(row, { logStart })),

    async collect(read) {
      const images = await takeOutputs(await read('/out'), {
        blobs,
        limitOf: (name) => (name.endsWith(`.${row.build.board}.image`) ? imageMaxBytes : undefined),
        atMost: { files: imagesAtMost, all: outputAtMost }
      })
      if (images.length === 0) throw new RunFailure(`The build left no *.${row.build.board}.image in /out`)
      return images
    },

    async ended(end: RunEnd<Output[]>) {
      const images = end.collected ?? []
      const values = { status: end.failure === undefined ? 'success' : 'failure', failure: end.failure ?? null } as const
      const log = { logSha256: end.log.sha256, logSize: end.log.size, endedAt: clock.now() }
      for (const { bytes } of images) await bytes.keep()
      await set(row, { ...values, ...log }, (change) => deployAll(row, images, change))
      await discardOutputs(images)
    }
  })

  function perform(id: number) {
    void runs.perform(runOf(id), slots, async () => {
      const row = await byId(id)
      if (!row || !unfinished.some((status) => status === row.build.status)) return undefined
      if (row.build.status === 'queued') await set(row, { status: 'building' })
      return runFor(row)
    })
  }

  return {
    /** Queues the build of a source archive. Throws `invalid` for one that may not be unpacked, `unavailable` where no builder is configured. */
    async create(application: Application, { tag }: { tag: string | null }, source: StagedBlob) {
      if (!builderImage) throw new HubError('unavailable', 'No builder image is configured for esp8266')
      const complaint = await complaintAbout(source.path, source.size)
      if (complaint) throw invalid('', [`source_file ${complaint}`])
      await source.keep()
      const id = await db.write(async (change) => {
        const values = {
          applicationId: application.id,
          board,
          tag,
          groupId: newId(),
          status: 'queued' as const,
          createdAt: clock.now()
        }
        const [created] = await change.tx
          .insert(builds)
          .values({ ...values, node, sourceSha256: source.sha256, sourceSize: source.size })
          .returning({ id: builds.id })
        if (!created) throw missing('Application not found')
        const { id: application_id, slug: app, team } = application
        const data = { team: team.name, app, application_id, id: created.id, status: 'queued' }
        await notices.record(change, { type: 'build.status', teamId: team.id, data })
        return created.id
      })
      perform(id)
      return id
    },

    /** A build of an application, with the last 256 KiB of its log and what was deployed. */
    async inApplication(application: Application, id: number) {
      const row = await byId(id)
      if (!row || row.build.applicationId !== application.id) throw missing('Build not found')
      const ofGroup = and(eq(deployed.applicationId, application.id), eq(deployed.groupId, row.build.groupId))
      const ids = await db.read.select({ id: deployed.id }).from(deployed).where(ofGroup).orderBy(asc(deployed.id))
      const log = readLog({ ...containers, blobs, run: runOf(id), stored: row.build })
      const bytes = await log.last(logShown)
      return { ...row.build, deployments: ids.map((each) => each.id), log: Buffer.from(bytes).toString('utf8') }
    },

    /** The hubs at which builds are unfinished. */
    async nodes() {
      const rows = await db.read.select({ node: builds.node }).from(builds).where(inArray(builds.status, unfinished))
      return [...new Set(rows.map((row) => row.node))]
    },

    /** Ends what is unfinished at a hub that is gone; gives how much that was. */
    async lose(gone: string, lost: Lost) {
      let count = 0
      for (const id of await unfinishedAt(gone)) {
        const row = await byId(id)
        if (row && (await set(row, { ...lost, status: 'failure', endedAt: clock.now() }))) count++
      }
      return count
    },

    /** Takes up again what an earlier process of this hub left unfinished. */
    async resume() {
      for (const id of await unfinishedAt(node)) perform(id)
    }
  }
}
