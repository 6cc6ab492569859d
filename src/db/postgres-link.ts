import postgres from 'postgres'
import { databaseAway } from '../lib/failures.ts'
import type { Log } from '../lib/log.ts'
import { inTime } from '../lib/patience.ts'
import { createPace, type Pace, waitAfter } from './postgres-pace.ts'
import { createSockets } from './postgres-sockets.ts'

const connectWithin = 5 // seconds
const looksEvery = 2000
const answersWithin = 5000

// No statement, and no transaction that somebody has left standing, holds up the others for longer; in ms. The server finds
// out within half a minute where a hub has gone without a word, and lets go what it held.
const bounds = {
  statement_timeout: 60_000,
  lock_timeout: 15_000,
  idle_in_transaction_session_timeout: 15_000,
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 3
}

type Waiting = { reject(reason: unknown): void }
type Listener = { heard(text: string): void; anew(): void }
type Options = { channels: string[]; log: Log | undefined }

export type Link = ReturnType<typeof createLink>

/**
 * The way to PostgreSQL, which may be gone for a while: what waits for it then is refused at once, and what comes meanwhile too,
 * until it answers again. One connection of its own listens, and is asked now and then whether it still does.
 */
export function createLink(url: string, { channels, log }: Options) {
  const sockets = createSockets()
  const pace = createPace()
  const common = {
    onnotice() {},
    fetch_types: false, // where a connection is lost while it is at that, nobody catches it
    connect_timeout: connectWithin,
    backoff: () => waitAfter(1) / 1000,
    connection: bounds
  }
  // Its types leave out what it is told of the connection itself.
  const open = (at: Pace, more: object) => {
    const socket = (where: object) => at.connect(() => sockets.socket(where))
    return postgres(url, { ...common, socket, ...more } as object)
  }
  const client = open(pace, { max: 10 })
  const waiting = new Set<Waiting>()
  const listeners = new Map<string, Listener[]>()
  const pause = createPause()
  const known = Promise.withResolvers<void>()
  let isAway = false
  let askAside: ((statement: string) => Promise<unknown>) | undefined
  const closing = new AbortController()
  let watching: Promise<void> | undefined

  function setAway(error: unknown) {
    known.resolve()
    if (isAway || closing.signal.aborted) return
    isAway = true
    log?.error({ code: codeOf(error) }, 'PostgreSQL does not answer; it is asked until it does')
    sockets.destroyAll()
    for (const { reject } of waiting) reject(databaseAway())
    waiting.clear()
  }

  function setBack() {
    known.resolve()
    if (isAway) log?.info('PostgreSQL answers again')
    isAway = false
    pace.release()
    for (const { anew } of [...listeners.values()].flat()) anew()
  }

  /** Listens for as long as the connection lasts; throws where there is none to be had. */
  async function listen() {
    const lost = new AbortController()
    const onclose = () => {
      lost.abort()
      pause.end()
    }
    const isOver = () => lost.signal.aborted || closing.signal.aborted
    const onnotify = (channel: string, text: string) => {
      for (const { heard } of listeners.get(channel) ?? []) heard(text)
    }
    const ofEar = createPace() // the first to find out whether the server is there does not wait
    const ear = open(ofEar, { max: 1, max_lifetime: null, onnotify, onclose })
    const ask = (statement: string) => inTime(ear.unsafe(statement), answersWithin, databaseAway)
    try {
      await ask(channels.map((channel) => `listen ${channel}`).join('; '))
      askAside = ask
      setBack()
      while (!isOver()) {
        await pause.begin(looksEvery)
        if (!isOver()) await ask('select 1')
      }
    } finally {
      askAside = undefined
      ofEar.end()
      await ear.end({ timeout: 0 })
    }
  }

  async function watch() {
    let failures = 0
    while (!closing.signal.aborted) {
      await listen().catch(setAway)
      failures = isAway ? failures + 1 : 0
      if (isAway && !closing.signal.aborted) await pause.begin(waitAfter(failures))
    }
  }

  function note(one: Waiting, work: PromiseLike<unknown>) {
    const done = () => void waiting.delete(one)
    waiting.add(one)
    work.then(done, done)
  }

  function refuseWhileAway() {
    if (isAway) throw databaseAway()
  }

  function unsafe(...given: Parameters<postgres.Sql['unsafe']>) {
    refuseWhileAway()
    const query = client.unsafe(...given)
    note(query as unknown as Waiting, query)
    return query
  }

  function begin<T>(work: (tx: postgres.TransactionSql) => Promise<T>) {
    refuseWhileAway()
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const one = { reject }
    const begun = client.begin((tx) => {
      if (!waiting.has(one)) throw databaseAway() // whoever wanted it has been refused
      return work(tx)
    })
    note(one, begun)
    begun.then(resolve, reject)
    return promise
  }

  return {
    /** The client, with a gate before it. */
    client: Object.assign(Object.create(client) as object, { unsafe, begin }) as postgres.Sql,

    /** Calls `heard` with what is told on a channel, and `anew` whenever something may have been missed. */
    on(channel: string, listener: Listener) {
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener])
    },

    /** Resolves when the server answers, on the connection that listens: however many wait for one of the others. */
    async ping() {
      refuseWhileAway()
      await (askAside ?? unsafe)('select 1')
    },

    /** Begins to listen. Resolves when it does, or when it is known that the server does not answer. */
    async watch() {
      watching = watch()
      await known.promise
    },

    async close() {
      closing.abort()
      pause.end()
      pace.end()
      await watching
      await client.end({ timeout: 5 })
      sockets.destroyAll()
    }
  }
}

/** A while of nothing that may be cut short. */
function createPause() {
  let end = () => {}
  return {
    begin: (ms: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        end = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
    end: () => end()
  }
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined)
