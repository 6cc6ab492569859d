/** Work that is under way once for each key: whoever asks for it meanwhile gets the same result. */
export function createFlights<T>() {
  const underWay = new Map<string, Promise<T>>()

  return {
    /** What is under way for a key. */
    of: (key: string) => underWay.get(key),

    /** The result of what is under way for a key, or else of `work`. */
    join(key: string, work: () => Promise<T>): Promise<T> {
      const running = underWay.get(key)
      if (running) return running
      const flight = work().finally(() => underWay.delete(key))
      underWay.set(key, flight)
      return flight
    },

    /** Resolves when nothing is under way. */
    async landed() {
      while (underWay.size > 0) await Promise.allSettled(underWay.values())
    }
  }
}
