import { eq, inArray, sql } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import { type Chain, type Place, start } from './chain.ts'

const atOnce = 500

/** What is to be stored. A line of a device has its id; one of a device without an application is in no chain. */
export type NewEntry = { applicationId: string | null; deviceId: string | null; type: string; payload: string; at: Date }

/** What a commit has added to the log of an application. */
export type Stored = { applicationId: string; entries: number }

export type Entries = ReturnType<typeof createEntries>

/** Gives entries their place: in the log, and in the chain of their application. */
export function createEntries({ db, chain }: { db: Db; chain: Chain }) {
  const { applications, logChains, logEntries } = db.tables
  const listeners = new Set<(stored: Stored) => void>()

  /** The ends of the chains of those applications that there are; one that is new begins here. */
  async function endsOf({ tx }: Change, ids: string[]) {
    if (ids.length === 0) return new Map<string, Place>()
    const { applicationId, seq, hash } = logChains
    const known = await tx.select({ applicationId, seq, hash }).from(logChains).where(inArray(applicationId, ids))
    const ends = new Map<string, Place>(known.map((row) => [row.applicationId, row]))
    const others = ids.filter((id) => !ends.has(id))
    if (others.length === 0) return ends
    const fresh = await tx.select({ id: applications.id }).from(applications).where(inArray(applications.id, others))
    for (const { id } of fresh) {
      const none = { total: 0, ...start, signature: '', anchorSeq: start.seq, anchorHash: start.hash, anchorSignature: '' }
      await tx.insert(logChains).values({ applicationId: id, ...none })
      ends.set(id, start)
    }
    return ends
  }

  /** Links an entry behind the end of its chain, which moves on. That of an application which is no more is in no chain. */
  function linked(ends: Map<string, Place>, { applicationId, ...entry }: NewEntry) {
    const end = applicationId === null ? undefined : ends.get(applicationId)
    if (applicationId === null || !end) return { ...entry, applicationId: null, seq: null, hash: null }
    const seq = end.seq + 1
    const place = { seq, hash: chain.link(applicationId, end.hash, { ...entry, seq }) }
    ends.set(applicationId, place)
    return { ...entry, applicationId, ...place }
  }

  async function moveEnd({ tx, afterCommit }: Change, applicationId: string, { before, end }: { before: Place; end: Place }) {
    const entries = end.seq - before.seq
    await tx
      .update(logChains)
      .set({ ...end, signature: chain.sign(applicationId, 'end', end), total: sql`${logChains.total} + ${entries}` })
      .where(eq(logChains.applicationId, applicationId))
    afterCommit(() => {
      for (const listener of listeners) listener({ applicationId, entries })
    })
  }

  return {
    /** Inside a change: stores entries in this order. The lock keeps every chain to one writer, on every node. */
    async write(change: Change, entries: NewEntry[]) {
      await change.lockOrder()
      const ids = new Set(entries.flatMap(({ applicationId }) => applicationId ?? []))
      const before = await endsOf(change, [...ids].toSorted())
      const ends = new Map(before)
      for (let from = 0; from < entries.length; from += atOnce) {
        if (from > 0) await new Promise((resolve) => void setImmediate(resolve)) // who only reads need not wait
        const rows = entries.slice(from, from + atOnce).map((entry) => linked(ends, entry))
        await db.insertMany(change, logEntries, rows)
      }
      for (const [id, place] of before) await moveEnd(change, id, { before: place, end: ends.get(id) ?? place })
    },

    /** Calls `listener` after each commit of this process that has added to the log of an application. Gives the way to stop. */
    listen(listener: (stored: Stored) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  }
}
