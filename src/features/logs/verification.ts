import { and, asc, eq, gt } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import { type Chain, type Place, start } from './chain.ts'

const page = 1000

/** The first place at which a chain does not hold. */
type Break = { seq: number; reason: string }

/** What a check found: the first and the last entry that are there and hold (0 where there is none), how many, and what does not. */
export type Verification = { from: number; to: number; checked: number; broken?: Break }

type Row = { id: number; seq: number | null; type: string; payload: string; hash: string | null }
type Walk = { log: number; applicationId: string; last: Place; id: number; found: Verification }
type Needs = { db: Db; chain: Chain; settle(): Promise<void> }

/** Gives the check of an application's chain: by pages, so that a long log takes no memory and holds up nobody. Whoever asked may give up. */
export function createVerification({ db, chain, settle }: Needs) {
  const { logEntries, logChains } = db.tables

  async function boundsOf(applicationId: string) {
    const [row] = await db.read.select().from(logChains).where(eq(logChains.applicationId, applicationId))
    if (!row) return { log: 0, anchor: { ...start, signature: '' }, end: { ...start, signature: '' } }
    const { id: log, seq, hash, signature, anchorSeq, anchorHash, anchorSignature } = row
    return { log, anchor: { seq: anchorSeq, hash: anchorHash, signature: anchorSignature }, end: { seq, hash, signature } }
  }

  /** The next entries in the order of their storage, which is that of the chain; those that are in none too. */
  const nextPage = ({ log, id }: Walk): Promise<Row[]> =>
    db.read
      .select({
        id: logEntries.id,
        seq: logEntries.seq,
        type: logEntries.type,
        payload: logEntries.payload,
        hash: logEntries.hash
      })
      .from(logEntries)
      .where(and(eq(logEntries.log, log), gt(logEntries.id, id)))
      .orderBy(asc(logEntries.id))
      .limit(page)

  /** Goes on by one entry; gives what is wrong with it, if anything is. */
  function step(walk: Walk, { id, type, payload, ...row }: Row): Break | undefined {
    const seq = walk.last.seq + 1
    walk.id = id
    if (row.seq === null && walk.last.seq === start.seq) return undefined // it is older than the chain
    if (row.seq === null || row.seq < seq) return { seq, reason: added }
    if (row.seq > seq) return { seq, reason: 'an entry is missing' }
    const hash = chain.link(walk.applicationId, walk.last.hash, { seq, type, payload })
    if (row.hash !== hash) return { seq, reason: 'the entry is not what was stored' }
    const { found } = walk
    walk.last = { seq, hash }
    walk.found = { from: found.from || seq, to: seq, checked: found.checked + 1 }
    return undefined
  }

  /** Goes through all that is there, and past `end` where the log grows meanwhile. */
  async function walkTo(end: Place, walk: Walk, signal: AbortSignal | undefined): Promise<Break | undefined> {
    let rows: Row[]
    do {
      rows = await nextPage(walk)
      await new Promise((resolve) => void setImmediate(resolve)) // whoever else waits comes first
      signal?.throwIfAborted()
      for (const row of rows) {
        const broken = step(walk, row)
        if (broken) return broken
      }
    } while (rows.length === page)
    if (walk.last.seq < end.seq) return { seq: walk.last.seq + 1, reason: 'an entry is missing' }
    const isElsewhere = walk.last.seq === end.seq && walk.last.hash !== end.hash
    return isElsewhere ? { seq: end.seq, reason: 'the log does not end with this entry' } : undefined
  }

  return async function verify(applicationId: string, signal?: AbortSignal): Promise<Verification> {
    await settle()
    const { log, anchor, end } = await boundsOf(applicationId)
    const none = { from: 0, to: 0, checked: 0 }
    if (!chain.signed(applicationId, 'anchor', anchor)) {
      return { ...none, broken: { seq: anchor.seq, reason: 'where the log begins is not signed' } }
    }
    if (!chain.signed(applicationId, 'end', end)) {
      return { ...none, broken: { seq: end.seq, reason: 'where the log ends is not signed' } }
    }
    const walk = { log, applicationId, last: anchor, id: 0, found: none }
    const broken = await walkTo(end, walk, signal)
    const now = await boundsOf(applicationId)
    if (broken) {
      const isOvertaken = now.anchor.seq >= broken.seq && now.anchor.seq > anchor.seq
      return isOvertaken ? verify(applicationId, signal) : { ...walk.found, broken } // by retention
    }
    // Entries are stored with the end that they move, so that none is past what is the end by now.
    if (now.log !== log || walk.last.seq <= now.end.seq) return walk.found
    return { ...walk.found, broken: { seq: now.end.seq + 1, reason: added } }
  }
}

const added = 'an entry was added'
