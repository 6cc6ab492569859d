import { and, desc, eq, lt, ne } from 'drizzle-orm'
import type { StagedBlob } from '../../blobs/store.ts'
import { type Change, type Db, given } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, missing } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import { rankOf } from '../../lib/versions.ts'
import type { Application } from '../applications/service.ts'
import type { Notices } from '../notices/service.ts'
import { type Architecture, type Release, releaseColumns } from './columns.ts'
import { fileNameOf } from './links.ts'

/** What is published: bytes that were uploaded, or where they are to be had. */
export type NewRelease = { architecture: Architecture; version: string; notes: string | null; from: { url: string } | StagedBlob }

/** Uploaded bytes as anybody may fetch them. */
export type Download = { sha256: string; size: number; fileName: string }

export type Releases = ReturnType<typeof createReleases>

/** What desktop programs are offered: published once, never changed, withdrawn and reinstated. */
export function createReleases({ db, clock, notices }: { db: Db; clock: Clock; notices: Notices }) {
  const { releases, applications } = db.tables
  const columns = releaseColumns(db.tables)

  const noticeOf = (application: Application, { id, version, architecture }: Release) => ({
    team: application.team.name,
    app: application.slug,
    application_id: application.id,
    build_id: id,
    version,
    architecture
  })

  async function add(change: Change, application: Application, { architecture, version, notes, from }: NewRelease) {
    const bytes = 'url' in from ? { url: from.url } : { sha256: from.sha256, size: from.size }
    const of = { id: newId(), applicationId: application.id, architecture, version, rank: rankOf(version), notes }
    const row = { ...of, ...bytes, createdAt: clock.now() }
    const [created] = await change.tx.insert(releases).values(row).onConflictDoNothing().returning(columns)
    if (!created) return undefined
    const data = noticeOf(application, created)
    await notices.record(change, { type: 'release.published', teamId: application.team.id, data })
    return created
  }

  async function insert(application: Application, release: NewRelease) {
    return db.write(async (change) => {
      await change.lockOrder() // before the application's row, as everywhere
      const created = await add(change, application, release)
      if (!created) throw conflict('Build already exists')
      return created
    })
  }

  async function exists(application: Application) {
    const [row] = await db.read.select({ id: applications.id }).from(applications).where(eq(applications.id, application.id))
    return row !== undefined
  }

  function set(application: Application, id: string, { disabled }: { disabled: boolean }): Promise<Release> {
    const isIt = and(eq(releases.id, id), eq(releases.applicationId, application.id))
    const isOther = and(isIt, ne(releases.disabled, disabled))
    const type = disabled ? 'release.withdrawn' : 'release.reinstated'
    return db.write(async (change) => {
      await change.lockOrder()
      const [changed] = await change.tx.update(releases).set({ disabled }).where(isOther).returning(columns)
      const [release] = changed ? [changed] : await change.tx.select(columns).from(releases).where(isIt)
      if (!release) throw missing('Build not found')
      const data = noticeOf(application, release)
      if (changed) await notices.record(change, { type, teamId: application.team.id, data })
      return release
    })
  }

  const uploaded = db.prepare((database) =>
    database
      .select({ sha256: releases.sha256, size: releases.size, version: releases.version, slug: applications.slug })
      .from(releases)
      .innerJoin(applications, eq(applications.id, releases.applicationId))
      .where(and(eq(releases.id, given('id')), eq(releases.disabled, false)))
  )

  return {
    /** Throws `conflict` where a version is published already: worth asking before its bytes are received. */
    async refuseTaken({ id }: Application, { architecture, version }: Pick<NewRelease, 'architecture' | 'version'>) {
      const [taken] = await db.read
        .select({ id: releases.id })
        .from(releases)
        .where(and(eq(releases.applicationId, id), eq(releases.architecture, architecture), eq(releases.rank, rankOf(version))))
      if (taken) throw conflict('Build already exists')
    },

    /**
     * Publishes a release. Throws `conflict` where the application has one of the same precedence for the architecture,
     * withdrawn or not: of many at once, one wins.
     */
    async publish(application: Application, release: NewRelease): Promise<Release> {
      if ('keep' in release.from) await release.from.keep()
      try {
        return await insert(application, release)
      } catch (error) {
        if (await exists(application)) throw error
        throw missing('Application not found')
      }
    },

    /** Inside a change that has the lock order already: publishes a release whose bytes are kept; undefined where there is one of the same precedence. */
    add,

    /** Up to `limit` releases of an application, the last published first, and the cursor to read on from, if there are more. */
    async list({ id }: Application, { limit, cursor }: { limit: number; cursor?: string | undefined }) {
      const rows: Release[] = await db.read
        .select(columns)
        .from(releases)
        .where(and(eq(releases.applicationId, id), cursor === undefined ? undefined : lt(releases.id, cursor)))
        .orderBy(desc(releases.id))
        .limit(limit + 1)
      const more = rows.length > limit
      return { releases: rows.slice(0, limit), next: more ? rows[limit - 1]?.id : undefined }
    },

    /** Withdraws a release: it is offered to nobody, and its bytes are not there. Throws `missing`. */
    withdraw: (application: Application, id: string) => set(application, id, { disabled: true }),

    /** Reinstates a release. Throws `missing`. */
    reinstate: (application: Application, id: string) => set(application, id, { disabled: false }),

    /** The uploaded bytes of a release. Throws `missing`, also where it is withdrawn or has none of its own. */
    async download(id: string): Promise<Download> {
      const [row] = await uploaded.read({ id })
      if (!row || row.sha256 === null || row.size === null) throw missing('Build not found')
      return { sha256: row.sha256, size: row.size, fileName: fileNameOf(row) }
    }
  }
}
