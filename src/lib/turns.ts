export type Turns = ReturnType<typeof createTurns>

/** Lets so many pieces of work be under way at a time; the others wait for their turn. */
export function createTurns(atOnce: number) {
  const waiting: (() => void)[] = []
  let running = 0
  return {
    /** How many wait. */
    waiting: () => waiting.length,

    /** Does the work once it is its turn. */
    async take<T>(work: () => Promise<T>): Promise<T> {
      if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
      else running++
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else running--
      }
    }
  }
}
