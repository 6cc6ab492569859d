import { and, asc, eq, inArray, isNull, lte, sql } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Chain, Place } from './chain.ts'

const batch = 1000

type Cut = { removed: number; last: Place | undefined }

/** Takes entries out of the log. */
export function createRetention({ db, chain, settle }: { db: Db; chain: Chain; settle(): Promise<void> }) {
  const { logEntries, logChains } = db.tables

  /** What is cut off each chain: how many entries, and the last of those that were linked. */
  function cutsOf(rows: { applicationId: string | null; seq: number | null; hash: string | null }[]) {
    const cuts = new Map<string, Cut>()
    for (const { applicationId, seq, hash } of rows) {
      if (applicationId === null) continue
      const { removed, last } = cuts.get(applicationId) ?? { removed: 0, last: undefined }
      cuts.set(applicationId, { removed: removed + 1, last: seq === null || hash === null ? last : { seq, hash } })
    }
    return cuts
  }

  /** The rest of a chain holds on to a signed anchor. */
  async function anchor({ tx }: Change, applicationId: string, { removed, last }: Cut) {
    const signature = last && chain.sign(applicationId, 'anchor', last)
    const place = last && { anchorSeq: last.seq, anchorHash: last.hash, anchorSignature: signature }
    await tx
      .update(logChains)
      .set({ ...place, total: sql`${logChains.total} - ${removed}` })
      .where(eq(logChains.applicationId, applicationId))
  }

  return {
    /** Of the `limit` oldest entries, removes those older than `before`; gives how many went. They lie in the order of their time. */
    async removeOld(before: Date, limit: number) {
      await settle()
      const { id, at } = logEntries
      const oldest = await db.read.select({ id, at }).from(logEntries).orderBy(asc(id)).limit(limit)
      const last = oldest.findLast((entry) => entry.at < before)
      if (!last) return 0
      return db.write(async (change) => {
        await change.lockOrder() // before any chain is touched, as everywhere
        const gone = await change.tx
          .delete(logEntries)
          .where(lte(id, last.id))
          .returning({ id, applicationId: logEntries.applicationId, seq: logEntries.seq, hash: logEntries.hash })
        const inOrder = gone.toSorted((a, b) => a.id - b.id)
        for (const [applicationId, cut] of cutsOf(inOrder)) await anchor(change, applicationId, cut)
        return gone.length
      })
    },

    /** Removes all entries of an application, in small batches; resolves once there is none. */
    async removeAll(applicationId: string) {
      await settle()
      const { id } = logEntries
      for (let last = batch; last === batch; ) {
        const rows = await db.read.select({ id }).from(logEntries).where(eq(logEntries.applicationId, applicationId)).limit(batch)
        last = rows.length
        const ids = rows.map((row) => row.id)
        await db.write(({ tx }) => tx.delete(logEntries).where(inArray(id, ids)))
      }
    },

    /** Inside a change: removes the lines of a device that belong to no application's log. */
    async removeOfDevice({ tx }: Change, deviceId: string) {
      await tx.delete(logEntries).where(and(eq(logEntries.deviceId, deviceId), isNull(logEntries.applicationId)))
    }
  }
}
