export type Freshness = ReturnType<typeof createFreshness>

/**
 * Acting on what was read while it still holds. Reading takes time: without this, somebody just removed could be let in, or
 * an old deployment be told after a new one.
 */
export function createFreshness() {
  let changes = 0
  return {
    /** Notes that what was read before may not hold any more. */
    changed: () => void changes++,

    /** Reads, again where something changed meanwhile, and acts on it before anything else can change. */
    async use<T, R>(read: () => Promise<T>, act: (value: T) => R): Promise<R> {
      for (;;) {
        const before = changes
        const value = await read()
        if (changes === before) return act(value)
      }
    }
  }
}
