import type { Peers } from '../../db/index.ts'
import type { Log } from '../../lib/log.ts'
import { newId } from '../../lib/secrets.ts'
import { inParts, type Message, read, written } from './messages.ts'
import { createOthers } from './others.ts'

const gatheredFor = 20
const retryAfter = 1000
const beatsEvery = 2000
const restsBetweenAnswers = 2000
const atOnce = 50

/** Who is connected to this hub: the sessions of its MQTT clients, and which devices these are. */
export type Here = {
  sessions(): Iterable<string>
  hasSession(session: string): boolean
  devices(): Iterable<string>
  hasDevice(deviceId: string): boolean
}

const nobody: Here = { sessions: () => [], hasSession: () => false, devices: () => [], hasDevice: () => false }

export type Hubs = ReturnType<typeof createHubs>

/**
 * What the hubs on one database know of each other: to which of them a device is connected, and that an MQTT client has come
 * to another one. It is told past the tables, many in one message, and never waited for: a storm of connections costs a
 * few dozen messages. Whatever is told, all hubs hear in the same order, so of two connections of one client
 * all agree which is the later. `node`: what this hub is known by in the tables. Where a database belongs to one process, none of this happens.
 */
export function createHubs({ peers, node, log }: { peers: Peers | undefined; node: string; log: Log }) {
  const self = newId()
  const others = createOthers()
  const arrived = new Set<string>()
  const left = new Set<string>()
  // In which batch an arrival was told that has not been heard back yet: like one that waits, it is later than all that has been heard.
  const unheard = new Map<string, number>()
  let here = nobody
  let takenOver = (_session: string) => {}
  let batch = 0
  let timer: NodeJS.Timeout | undefined
  let beats: NodeJS.Timeout | undefined
  let answering: NodeJS.Timeout | undefined
  let answeredAt = Number.NEGATIVE_INFINITY
  let last: Promise<unknown> = Promise.resolve()

  function schedule(delay: number) {
    timer ??= setTimeout(() => void tellWaiting(), delay)
  }

  /** One after the other: what was so first is told first. */
  function tell(messages: Omit<Message, 'from' | 'node'>[]) {
    const texts = messages.map((message) => written({ from: self, node, ...message }))
    const told = tellAfter(last, texts)
    last = told.catch(() => {})
    return told
  }

  async function tellAfter(before: Promise<unknown>, texts: string[]) {
    await before
    for (let i = 0; i < texts.length; i += atOnce) await peers?.tell(texts.slice(i, i + atOnce))
  }

  async function tellWaiting() {
    const sessions = [...arrived].filter(here.hasSession)
    const devices = [...left].filter((id) => !here.hasDevice(id))
    arrived.clear()
    left.clear()
    const number = ++batch
    for (const session of sessions) unheard.set(session, number)
    try {
      await tell([
        ...inParts(sessions).map((part) => ({ batch: number, arrived: part })),
        ...inParts(devices).map((part) => ({ left: part }))
      ])
      timer = undefined
      if (arrived.size + left.size > 0) schedule(gatheredFor)
    } catch (error) {
      log.debug({ err: error }, 'the other hubs could not be told who has come and gone; it is tried again')
      for (const session of sessions) arrived.add(session)
      for (const id of devices) left.add(id)
      timer = setTimeout(() => void tellWaiting(), retryAfter)
    }
  }

  const quietly = (work: Promise<void>) => void work.catch(() => {}) // who was not told hears of it by the next hello

  /** Tells who is here, in answer to whoever asks meanwhile. */
  function answer() {
    answering ??= setTimeout(
      () => {
        answering = undefined
        answeredAt = performance.now()
        const parts = inParts(here.devices())
        const [first = [], ...more] = parts
        quietly(tell([{ here: first, anew: true }, ...more.map((part) => ({ here: part }))]))
      },
      Math.max(0, answeredAt + restsBetweenAnswers - performance.now())
    )
  }

  function hearSelf({ batch: number, arrived: sessions = [] }: Message) {
    for (const session of sessions) if (unheard.get(session) === number) unheard.delete(session)
    others.forgetSilent()
  }

  function hear(text: string) {
    const message = read(text)
    if (!message) return
    if (message.from === self) return hearSelf(message)
    if (message.bye) return others.gone(message.from)
    const isKnown = others.heard(message)
    if (message.hello) return answer()
    if (!isKnown && !message.anew) quietly(tell([{ hello: true }])) // it was taken for gone
    for (const session of message.arrived ?? []) if (!arrived.has(session) && !unheard.has(session)) takenOver(session)
  }

  /** Something may have been missed, on both sides. */
  function anew() {
    others.excuse()
    unheard.clear()
    for (const session of here.sessions()) arrived.add(session)
    quietly(tell([{ hello: true }]))
    if (arrived.size > 0) schedule(0)
    answer()
  }

  return {
    /** Whether a device is connected to another hub. */
    have: others.have,

    /** What the others are known by in the tables, as far as they have been heard of in the last seconds; undefined where that cannot be said. */
    nodes: others.nodes,

    /** How many other hubs there are, as far as is known. */
    count: others.count,

    /** Notes that a client has connected here, by the id of its session. */
    arrived(session: string) {
      if (!peers) return
      arrived.add(session)
      schedule(gatheredFor)
    },

    /** Notes that a device has no connection here any more. */
    left(deviceId: string) {
      if (!peers) return
      left.add(deviceId)
      schedule(gatheredFor)
    },

    /** Begins to tell who is here, and to call `over` with the session of every client that has come to another hub since. */
    start(who: Here, over: (session: string) => void) {
      if (!peers) return
      here = who
      takenOver = over
      peers.listen({ heard: hear, anew })
      anew()
      beats = setInterval(() => quietly(tell([{}])), beatsEvery)
    },

    /** Says goodbye. */
    async stop() {
      clearInterval(beats)
      clearTimeout(answering)
      clearTimeout(timer)
      if (beats) await tell([{ bye: true }]).catch(() => {})
    }
  }
}
