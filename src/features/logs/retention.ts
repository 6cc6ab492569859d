import { asc, eq, inArray, lte, sql } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Chain, Place } from './chain.ts'
import type { Parts } from './parts.ts'

const batch = 1000

type Needs = { db: Db; chain: Chain; parts: Parts; settle(): Promise<void> }

type Cut = { removed: number; last: Place | undefined }

/** Takes entries out of the log. */
export function createRetention({ db, chain, parts, settle }: Needs) {
  const { logEntries, logChains } = db.tables

  /** What is cut off each chain: how many entries, and the last of those that were linked. */
  function cutsOf(rows: { log: number | null; seq: number | null; hash: string | null }[]) {
    const cuts = new Map<number, Cut>()
    for (const { log, seq, hash } of rows) {
      if (log === null) continue
      const { removed, last } = cuts.get(log) ?? { removed: 0, last: undefined }
      cuts.set(log, { removed: removed + 1, last: seq === null || hash === null ? last : { seq, hash } })
    }
    return cuts
  }

  /** The rest of a chain holds on to a signed anchor. */
  async function anchor({ tx }: Change, log: number, { removed, last }: Cut) {
    const { applicationId } = logChains
    const [owner] = await tx.select({ applicationId }).from(logChains).where(eq(logChains.id, log))
    if (!owner) return // the application is no more
    const signature = last && chain.sign(owner.applicationId, 'anchor', last)
    const place = last && { anchorSeq: last.seq, anchorHash: last.hash, anchorSignature: signature }
    await tx
      .update(logChains)
      .set({ ...place, total: sql`${logChains.total} - ${removed}` })
      .where(eq(logChains.id, log))
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
          .returning({ id, log: logEntries.log, seq: logEntries.seq, hash: logEntries.hash })
        const inOrder = gone.toSorted((a, b) => a.id - b.id)
        for (const [log, cut] of cutsOf(inOrder)) await anchor(change, log, cut)
        return gone.length
      })
    },

    /** Removes all entries of a log, in small batches; resolves once there is none. */
    async removeAll(log: number) {
      const { id } = logEntries
      for (let last = batch; last === batch; ) {
        const rows = await db.read.select({ id }).from(logEntries).where(eq(logEntries.log, log)).limit(batch)
        last = rows.length
        const ids = rows.map((row) => row.id)
        await db.write(({ tx }) => tx.delete(logEntries).where(inArray(id, ids)))
      }
    },

    /** Inside a change: removes the lines of a device that are in no application's log. */
    removeOfDevice: parts.removeOfNoLog
  }
}
