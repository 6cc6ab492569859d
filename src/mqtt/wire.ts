import type { AedesClient } from './guards/aedes.ts'
import { append, type Unread } from './unread.ts'

const atOnce = 16 * 1024
const unreadAtMost = 64 * 1024
const never = Number.POSITIVE_INFINITY

/** What is told of connections. */
export type Line = {
  /** Something has arrived, or nothing more will. */
  arrived(wire: Wire): void
  /** It is gone, whoever ended it. */
  closed(wire: Wire): void
}

// Writes of one turn go out together: Aedes makes several of each packet.
let unsent: Wire[] = []

function sendAll() {
  const wires = unsent
  unsent = []
  for (const wire of wires) wire.flush()
}

/**
 * A connection as Aedes takes one for a stream, with no more to it than that needs: a socket of Node's with its two halves would
 * take ten times the memory. Aedes listens to nothing but the drain here; the rest is told to the line.
 */
export abstract class Wire {
  readonly remoteAddress: string
  /** When it came, by `performance.now()`. */
  readonly since = performance.now()
  client: AedesClient | undefined
  unread: Unread | undefined
  /** Nothing more will arrive. */
  ended = false
  /** All that there was to do for it is done. */
  isOver = false
  /** Nothing more goes out. */
  destroyed = false
  /** What was written and is not taken yet, in bytes. */
  writableLength = 0
  /** Since when the other end takes nothing, by `performance.now()`. */
  blockedSince = never
  protected readonly line: Line
  #outgoing: Uint8Array[] = none
  #drained: (() => void)[] | undefined
  #isPaused = false

  constructor(line: Line, remoteAddress: string) {
    this.line = line
    this.remoteAddress = remoteAddress
  }

  /** Sends bytes; gives how many of them were taken. */
  protected abstract transmit(bytes: Uint8Array): number
  protected abstract hangUp(): void
  protected abstract pause(): void
  protected abstract resume(): void

  /** Has the other end looked for when it has been quiet for so long, where what carries this knows how. */
  probeAfter(_ms: number) {}

  /** Bytes have arrived. Who sends more than is read waits. */
  receive(bytes: Buffer) {
    if (this.destroyed || bytes.length === 0) return
    this.unread = append(this.unread, bytes)
    if (this.unread.length > unreadAtMost && !this.#isPaused) {
      this.#isPaused = true
      this.pause()
    }
    this.arrived()
  }

  /** Gives back what could not be read yet. */
  keep(unread: Unread | undefined) {
    this.unread = unread
    if (!this.#isPaused || (unread && unread.length > unreadAtMost)) return
    this.#isPaused = false
    this.resume()
  }

  /** There is something to look at. */
  arrived() {
    this.line.arrived(this)
  }

  /** The other end has said all that it has to say. */
  end() {
    this.ended = true
    this.arrived()
  }

  /** The connection is no more. */
  close(error?: Error) {
    this.ended = true
    if (error) this.destroyed = true
    this.line.closed(this)
    this.arrived()
  }

  get writableNeedDrain() {
    return this.blockedSince !== never
  }

  write(bytes: Uint8Array | string) {
    if (this.destroyed) return false
    const chunk = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    if (this.#outgoing.length === 0) {
      this.#outgoing = [chunk]
      if (!this.writableNeedDrain && unsent.push(this) === 1) queueMicrotask(sendAll)
    } else this.#outgoing.push(chunk)
    this.writableLength += chunk.length
    if (this.writableLength >= atOnce && !this.writableNeedDrain) this.flush()
    return !this.writableNeedDrain
  }

  /** Sends what was written. */
  flush() {
    const [first] = this.#outgoing
    if (!first) return
    const bytes = this.#outgoing.length === 1 ? first : Buffer.concat(this.#outgoing)
    const taken = this.transmit(bytes)
    const isAll = taken < 0 || taken === bytes.length
    this.#outgoing = isAll ? none : [bytes.subarray(taken)]
    this.writableLength = isAll ? 0 : bytes.length - taken
    if (!isAll) this.block()
  }

  /** There may be room again. */
  drain() {
    const { blockedSince, writableLength } = this
    this.blockedSince = never
    this.flush()
    if (!this.writableNeedDrain) this.emit('drain')
    else if (this.writableLength === writableLength) this.blockedSince = blockedSince
  }

  /** The other end takes no more for now. */
  protected block() {
    if (!this.writableNeedDrain) this.blockedSince = performance.now()
  }

  /** Ends the connection; what was written goes out before that, as far as it is taken. */
  destroy() {
    if (this.destroyed) return
    this.flush()
    this.destroyed = true
    this.hangUp()
    this.arrived()
  }

  once(event: string, listener: () => void) {
    if (event === 'drain') (this.#drained ??= []).push(listener)
  }

  emit(event: string) {
    const listeners = event === 'drain' ? (this.#drained ?? []) : []
    this.#drained = undefined
    for (const listener of listeners) listener()
  }

  removeListener(_event: string, listener: () => void) {
    this.#drained = this.#drained?.filter((one) => one !== listener)
  }

  removeAllListeners(event: string) {
    if (event === 'drain') this.#drained = undefined
  }

  on() {}
}

/** Whether somebody has signed in on a connection. */
export const isSignedIn = ({ client }: Wire) => client?.principal !== undefined

const none: Uint8Array[] = []
