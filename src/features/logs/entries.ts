import { eq, inArray, sql } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import { type Chain, type Place, start } from './chain.ts'

const atOnce = 500

/** What is to be stored. A line of a device has its number; one of a device without an application is in no chain. */
export type NewEntry = { applicationId: string | null; device: number | null; type: string; payload: string; at: Date }

/** What a commit has added to the log of an application: so many entries, up to the place `last` of its chain. */
export type Stored = { applicationId: string; entries: number; last: number }

/** The log of an application, and the end of its chain. */
type End = { log: number; applicationId: string; place: Place }

export type Entries = ReturnType<typeof createEntries>

/** Gives entries their place: in the log, and in the chain of their application. */
export function createEntries({ db, chain }: { db: Db; chain: Chain }) {
  const { applications, logChains, logEntries } = db.tables
  const listeners = new Set<(stored: Stored) => void>()

  function tell(stored: Stored[]) {
    for (const one of stored) for (const listener of listeners) listener(one)
  }

  /** The ends of the chains of those applications that there are; one that is new begins here. */
  async function endsOf({ tx }: Change, ids: string[]) {
    const ends = new Map<string, End>()
    if (ids.length === 0) return ends
    const { id: log, applicationId, seq, hash } = logChains
    const known = await tx.select({ log, applicationId, seq, hash }).from(logChains).where(inArray(applicationId, ids))
    for (const row of known) ends.set(row.applicationId, { ...row, place: { seq: row.seq, hash: row.hash } })
    const others = ids.filter((id) => !ends.has(id))
    if (others.length === 0) return ends
    const fresh = await tx.select({ id: applications.id }).from(applications).where(inArray(applications.id, others))
    for (const { id } of fresh) {
      const none = { total: 0, ...start, signature: '', anchorSeq: start.seq, anchorHash: start.hash, anchorSignature: '' }
      const [row] = await tx
        .insert(logChains)
        .values({ applicationId: id, ...none })
        .returning({ log })
      if (row) ends.set(id, { log: row.log, applicationId: id, place: start })
    }
    return ends
  }

  /** Links an entry behind the end of its chain, which moves on. That of an application which is no more is in no chain. */
  function linked(end: End | undefined, { device, type, payload, at }: NewEntry) {
    if (!end) return { log: null, device, type, payload, at, seq: null, hash: null }
    const seq = end.place.seq + 1
    const hash = chain.link(end.applicationId, end.place.hash, { type, payload, seq })
    end.place = { seq, hash }
    return { log: end.log, device, type, payload, at, seq, hash }
  }

  async function moveEnd({ tx, afterCommit }: Change, { log, applicationId, place }: End, before: Place) {
    const entries = place.seq - before.seq
    await tx
      .update(logChains)
      .set({ ...place, signature: chain.sign(applicationId, 'end', place), total: sql`${logChains.total} + ${entries}` })
      .where(eq(logChains.id, log))
    afterCommit(() => tell([{ applicationId, entries, last: place.seq }]))
  }

  return {
    /** Inside a change: stores entries in this order. The lock keeps every chain to one writer, on every node. */
    async write(change: Change, entries: NewEntry[]) {
      await change.lockOrder()
      const ends = await endsOf(change, [...new Set(entries.flatMap(({ applicationId }) => applicationId ?? []))])
      const before = [...ends.values()].map((end) => ({ end, place: end.place }))
      for (let from = 0; from < entries.length; from += atOnce) {
        if (from > 0) await new Promise((resolve) => void setImmediate(resolve)) // who only reads need not wait
        const rows = entries
          .slice(from, from + atOnce)
          .map((entry) => linked(entry.applicationId === null ? undefined : ends.get(entry.applicationId), entry))
        await db.insertMany(change, logEntries, rows)
      }
      for (const { end, place } of before) await moveEnd(change, end, place)
    },

    /** Tells those who listen what another thread has stored. */
    tell,

    /** Calls `listener` after each commit of this process that has added to the log of an application. Gives the way to stop. */
    listen(listener: (stored: Stored) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  }
}
