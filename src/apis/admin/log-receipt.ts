import type { Application } from '../../features/applications/service.ts'
import type { Hub } from '../../hub.ts'
import { HubError, invalid } from '../../lib/errors.ts'
import { type Line, linesOfStream } from '../../lib/lines.ts'
import { patiently } from '../../lib/patience.ts'
import type { Turns } from '../../lib/turns.ts'
import { readBytes } from '../fields.ts'
import { complaints, entryBytesAtMost, readEntry } from './log-entry.ts'

const batch = 500
const batchesOfRequest = 2

/** How many batches are stored at a time, of all requests: more would make whoever else waits for a commit wait long. */
export const batchesUnderWay = 8

const toldAtMost = 100
const silenceAtMost = 5 * 60_000
const silent = 'Nothing has come for 5 minutes'

type Receiving = { hub: Hub; request: Request; turns: Turns; permit: () => Promise<Application> }
type Entry = ReturnType<typeof readEntry>
type Rejected = { line: number; message: string }

/** What became of a request's entries; `rejected` tells of the first 100 of those that were not stored. */
export type Received = { accepted: number; refused: number; rejected: Rejected[] }

export const isLines = (request: Request) => /\b(x-)?(ndjson|jsonl|jsonlines)\b/.test(request.headers.get('content-type') ?? '')

/** Stores the one entry that a request is. Throws `invalid` and `tooLarge`. */
export async function receiveOne(hub: Hub, application: Application, request: Request): Promise<Received> {
  const bytes = await readBytes(request, entryBytesAtMost)
  await hub.logs.store(application.id, [readEntry(bytes)])
  return { accepted: 1, refused: 0, rejected: [] }
}

/**
 * Stores the entries that the lines of a request are, as they come: it is read no faster than it is stored, and a line that
 * is no entry loses nobody else's. `permit` is asked before each part, and throws where there may be no more.
 */
export async function receiveLines({ hub, request, turns, permit }: Receiving): Promise<Received> {
  const received: Received = { accepted: 0, refused: 0, rejected: [] }
  const { add, done, settled } = createStoring(turns)
  try {
    for await (const lines of linesOfStream(comingIn(request), entryBytesAtMost)) {
      const { id } = await permit()
      for (const entries of batches(entriesOf(lines, received))) {
        await add(() => hub.logs.store(id, entries).then(() => void (received.accepted += entries.length)))
      }
    }
    await done()
  } catch (error) {
    await settled()
    throw tellingHowMany(error, received)
  }
  if (received.accepted === 0) throw nothingStored(received)
  return received
}

/** Has a few batches under way at a time, in order: whoever adds one more waits for the oldest. */
function createStoring(turns: Turns) {
  const underWay: Promise<void>[] = []
  return {
    async add(store: () => Promise<void>) {
      if (underWay.length >= batchesOfRequest) await underWay.shift()
      const stored = turns.take(store)
      stored.catch(() => {}) // whoever awaits it is told
      underWay.push(stored)
    },
    done: () => Promise.all(underWay),
    settled: () => Promise.allSettled(underWay)
  }
}

function* batches(entries: Entry[]) {
  for (let from = 0; from < entries.length; from += batch) yield entries.slice(from, from + batch)
}

function entriesOf(lines: Line[], received: Received) {
  const entries: Entry[] = []
  for (const { number, bytes } of lines) {
    if (bytes && isBlank(bytes)) continue
    const entry = bytes ? entryOrComplaint(bytes) : complaints.tooLarge
    if (typeof entry !== 'string') entries.push(entry)
    else {
      received.refused += 1
      if (received.rejected.length < toldAtMost) received.rejected.push({ line: number, message: entry })
    }
  }
  return entries
}

function entryOrComplaint(bytes: Buffer) {
  try {
    return readEntry(bytes)
  } catch (error) {
    if (error instanceof HubError) return error.message
    throw error
  }
}

const isBlank = (bytes: Buffer) => bytes.length < 3 && bytes.toString().trim() === ''

/** Whoever is cut short learns from where to go on. */
function tellingHowMany(error: unknown, { accepted }: Received) {
  if (!(error instanceof HubError) || accepted === 0) return error
  return new HubError(error.kind, `${error.message}; ${accepted} entries were stored before`)
}

function nothingStored({ refused, rejected: [first] }: Received) {
  if (!first) return invalid('The body holds no entries')
  return invalid(`None of ${refused} entries could be stored; line ${first.line}: ${first.message}`)
}

const comingIn = ({ body }: Request) => (body ? patiently(body, silenceAtMost, () => invalid(silent)) : nothing())

async function* nothing() {}
