import { setTimeout as sleep } from 'node:timers/promises'
import { asUnavailable } from '../../lib/failures.ts'
import { EngineUnreachable } from './failures.ts'

const firstWait = 250
const longestWait = 5000

type Patience = { signal: AbortSignal; patience: number }

/** Asks again while the engine, or what lies below the hub, does not answer, for up to `patience` ms; then throws that it does not. */
export async function patiently<T>({ signal, patience }: Patience, ask: () => Promise<T>): Promise<T> {
  let end = Number.POSITIVE_INFINITY
  for (let wait = firstWait; ; wait = Math.min(wait * 2, longestWait)) {
    signal.throwIfAborted()
    try {
      return await unlessAborted(signal, ask())
    } catch (error) {
      signal.throwIfAborted()
      end = Math.min(end, Date.now() + patience)
      const mayPass = error instanceof EngineUnreachable || asUnavailable(error) !== undefined
      if (!mayPass || Date.now() + wait > end) throw error
    }
    await pause(wait, signal)
  }
}

/** What a promise gives, unless the signal is aborted first: then its reason is thrown. What was asked goes on by itself. */
async function unlessAborted<T>(signal: AbortSignal, asked: Promise<T>) {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([asked, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Does what must be done in the end: again for as long as what it needs is not available. Throws anything else, and the signal's reason when it is aborted. */
export async function insistently<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let wait = firstWait; ; wait = Math.min(wait * 2, longestWait)) {
    try {
      return await work()
    } catch (error) {
      if (!asUnavailable(error)) throw error
    }
    await pause(wait, signal)
  }
}

/** Waits so many ms. Throws the signal's reason when it is aborted meanwhile. */
export async function pause(ms: number, signal: AbortSignal) {
  await sleep(ms, undefined, { signal }).catch(() => {})
  signal.throwIfAborted()
}
