import { and, desc, eq } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import { type Db, given, type Reader } from '../../db/index.ts'
import type { Tables } from '../../db/tables.ts'
import type { NewNotice } from '../notices/kinds.ts'
import type { Notices } from '../notices/service.ts'
import type { Architecture } from './columns.ts'
import type { Addressed } from './links.ts'

const atMost = 50_000

/** What an application offers for an architecture: the newest release that is not withdrawn, if any. */
export type Offer = { release: Addressed | null }

export type LatestReleases = ReturnType<typeof createLatestReleases>

const keyOf = (applicationId: string, architecture: string) => `${applicationId}/${architecture}`

/** The release of highest rank that is not withdrawn, of an application for an architecture: one seek, however many there are. */
export const newestRelease = (reader: Reader, { releases }: Pick<Tables, 'releases'>) =>
  reader
    .select({ id: releases.id, version: releases.version, url: releases.url })
    .from(releases)
    .where(
      and(
        eq(releases.applicationId, given('applicationId')),
        eq(releases.architecture, given('architecture')),
        eq(releases.disabled, false)
      )
    )
    .orderBy(desc(releases.rank))
    .limit(1)

/**
 * What each application offers, in memory. What a change touches is dropped with its commit, before the change is answered,
 * and on every other node when it is told; what was read before a drop is not kept after it.
 */
export function createLatestReleases({ db, notices }: { db: Db; notices: Notices }) {
  const { applications } = db.tables
  const offers = new LRUCache<string, Offer>({ max: atMost })
  let drops = 0

  const slugById = db.prepare((database) =>
    database
      .select({ slug: applications.slug })
      .from(applications)
      .where(eq(applications.id, given('applicationId')))
  )
  const newest = db.prepare((database) => newestRelease(database, db.tables))

  async function load(applicationId: string, architecture: Architecture): Promise<Offer | undefined> {
    const before = drops
    const [application] = await slugById.read({ applicationId })
    if (!application) return undefined
    const [release] = await newest.read({ applicationId, architecture })
    const offer = { release: release ? { ...release, slug: application.slug } : null }
    if (drops === before) offers.set(keyOf(applicationId, architecture), offer)
    return offer
  }

  function dropTouched({ type, data }: NewNotice) {
    if ('build_id' in data) {
      drops++
      offers.delete(keyOf(data.application_id, data.architecture))
    } else if (type === 'application.deleted' || type === 'team.deleted' || type === 'account.deleted') {
      drops++
      offers.clear()
    }
  }

  notices.onCommit(dropTouched) // of this process, before the change is answered
  notices.listen(dropTouched) // of every other

  return {
    /** What an application offers, where that is in memory: for a path that should not wait. */
    known: (applicationId: string, architecture: Architecture) => offers.get(keyOf(applicationId, architecture)),

    /** What an application offers; undefined where there is no such application. */
    of: async (applicationId: string, architecture: Architecture) =>
      offers.get(keyOf(applicationId, architecture)) ?? load(applicationId, architecture)
  }
}
