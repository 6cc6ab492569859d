import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Peers } from '../../db/index.ts'
import type { Log } from '../../lib/log.ts'
import { newId } from '../../lib/secrets.ts'

const gatheredFor = 20
const wantedAgainEvery = 5000
const wantedFor = 12_000
const pieceBytes = 4096 // as Base64 well below what a message takes
const keysAtOnce = 40
const waitingAtMost = 1024 * 1024

/** What hubs say here: what each wants to hear, and pieces of what others pass on, counted from 0; `more` but in the last piece. */
const Message = Type.Object({
  by: Type.String(),
  wants: Type.Optional(Type.Array(Type.String())),
  key: Type.Optional(Type.String()),
  piece: Type.Optional(Type.String()),
  place: Type.Optional(Type.Integer()),
  more: Type.Optional(Type.Literal(true))
})

type Message = Static<typeof Message>
/** Called with what another hub has passed on under a key; without bytes where something may have been missed. */
type Heard = (bytes?: Buffer) => void

const message = Compile(Message)

export type Relay = ReturnType<typeof createRelay>

/**
 * What devices and containers say at one hub, for those who listen at another. It is passed on only under keys that another
 * hub wants at present, past the tables, gathered for some ms, in order; more than a megabyte at once is dropped, as with any topic
 * that is not kept. Where a database belongs to one process, none of this happens.
 */
export function createRelay({ peers, log }: { peers: Peers | undefined; log: Log }) {
  const self = newId()
  const wants = new Map<string, Set<Heard>>()
  const wantedByOthers = new Map<string, number>()
  const wantedListeners = new Set<(key: string) => void>()
  const pieces = new Map<string, Buffer[]>()
  let fresh = new Set<string>()
  let waiting: Message[] = []
  let waitingBytes = 0
  let timer: NodeJS.Timeout | undefined
  let telling: Promise<unknown> = Promise.resolve()

  const schedule = () => {
    timer ??= setTimeout(flush, gatheredFor)
  }

  function flush() {
    timer = undefined
    const texts = [...wishes(fresh), ...waiting].map((said) => JSON.stringify(said))
    fresh = new Set()
    waiting = []
    waitingBytes = 0
    telling = telling
      .then(() => peers?.tell(texts))
      .catch((error: unknown) => log.debug({ err: error }, 'the other hubs could not be told'))
  }

  function wishes(keys: Iterable<string>): Message[] {
    const all = [...keys]
    return Array.from({ length: Math.ceil(all.length / keysAtOnce) }, (_, n) => ({
      by: self,
      wants: all.slice(n * keysAtOnce, (n + 1) * keysAtOnce)
    }))
  }

  function isWanted(key: string) {
    if (wantedByOthers.size === 0) return false
    const until = wantedByOthers.get(key)
    if (until === undefined || until > performance.now()) return until !== undefined
    wantedByOthers.delete(key)
    return false
  }

  function hear(text: string) {
    const said = read(text)
    if (!said) return
    // By now the others have heard it too: what came before that was not passed on.
    if (said.by === self) return said.wants?.forEach((key) => tellListeners(key))
    noteWanted(said.wants ?? [])
    if (said.key !== undefined && wants.has(said.key)) hearPiece(said.key, said)
  }

  function noteWanted(keys: string[]) {
    const until = performance.now() + wantedFor
    for (const key of keys) {
      wantedByOthers.set(key, until)
      for (const listener of wantedListeners) listener(key)
    }
  }

  function hearPiece(key: string, { by, piece, place = 0, more }: Message) {
    if (piece === undefined) return
    const sender = `${by} ${key}`
    const before = place === 0 ? [] : (pieces.get(sender) ?? [])
    pieces.delete(sender)
    if (before.length !== place) return // one has been missed: what is left is nothing whole
    const parts = [...before, Buffer.from(piece, 'base64')]
    if (more) pieces.set(sender, parts)
    else tellListeners(key, Buffer.concat(parts))
  }

  function tellListeners(key: string, bytes?: Buffer) {
    for (const heard of wants.get(key) ?? []) heard(bytes)
  }

  function wantAll() {
    fresh = new Set(wants.keys())
    if (fresh.size > 0) schedule()
    for (const [key, until] of wantedByOthers) if (until <= performance.now()) wantedByOthers.delete(key)
  }

  peers?.listen({ heard: hear, anew: wantAll })
  const again = peers && setInterval(wantAll, wantedAgainEvery)

  return {
    /** Calls `heard` with what other hubs pass on under a key from now on, and now and then without anything, as some may have been missed. Gives the way to stop. */
    want(key: string, heard: Heard) {
      if (!peers) return () => {}
      const listeners = wants.get(key) ?? new Set()
      if (listeners.size === 0) {
        fresh.add(key)
        schedule()
      }
      wants.set(key, listeners.add(heard))
      return () => {
        listeners.delete(heard)
        if (listeners.size === 0 && wants.get(key) === listeners) wants.delete(key)
      }
    },

    /** Whether another hub wants to hear what there is under a key. */
    isWanted,

    /** Calls `listener` with each key that another hub wants, again and again while it does. */
    onWanted: (listener: (key: string) => void) => void wantedListeners.add(listener),

    /** Says to all hubs that something has come about: to be heard under its key. */
    announce(key: string) {
      if (!peers) return
      waiting.push({ by: self, key, piece: '' })
      schedule()
    },

    /** Passes bytes on to the hubs that want to hear them. */
    pass(key: string, bytes: Uint8Array) {
      if (!isWanted(key) || waitingBytes + bytes.byteLength > waitingAtMost) return
      waitingBytes += bytes.byteLength
      const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      for (let at = 0; at === 0 || at < all.length; at += pieceBytes) {
        const more = at + pieceBytes < all.length ? { more: true as const } : {}
        waiting.push({ by: self, key, piece: all.toString('base64', at, at + pieceBytes), place: at / pieceBytes, ...more })
      }
      schedule()
    },

    /** Says nothing more. */
    async stop() {
      clearInterval(again)
      clearTimeout(timer)
      await telling
    }
  }
}

function read(text: string): Message | undefined {
  try {
    const said: unknown = JSON.parse(text)
    return message.Check(said) ? said : undefined
  } catch {
    return undefined
  }
}
