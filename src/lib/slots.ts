export type Slots = ReturnType<typeof createSlots>

/** Work of which at most `most` is under way at a time; the rest waits its turn. */
export function createSlots(most: number) {
  const waiting: (() => void)[] = []
  let taken = 0

  async function take(signal: AbortSignal) {
    if (taken < most) return void taken++
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = () => {
      const place = waiting.indexOf(resolve)
      if (place < 0) return // it has just got its slot
      waiting.splice(place, 1)
      reject(signal.reason)
    }
    waiting.push(resolve)
    signal.addEventListener('abort', giveUp, { once: true })
    await promise
    signal.removeEventListener('abort', giveUp)
  }

  /** Whoever waits longest takes over the slot. */
  function leave() {
    const next = waiting.shift()
    if (next) next()
    else taken--
  }

  return {
    /** Works in a slot of its own. Throws the signal's reason when it is aborted before there is one. */
    async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
      signal.throwIfAborted()
      await take(signal)
      try {
        return await work()
      } finally {
        leave()
      }
    }
  }
}
