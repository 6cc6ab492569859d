export type Lane = ReturnType<typeof createLane>

/** Lets so many through at once; the others wait for their turn. */
export function createLane(atMost: number) {
  const waiting: (() => void)[] = []
  let busy = 0

  function turn(again: boolean) {
    if (busy < atMost) {
      busy += 1
      return Promise.resolve()
    }
    return new Promise<void>((resolve) => void (again ? waiting.unshift(resolve) : waiting.push(resolve)))
  }

  function next() {
    const resolve = waiting.shift()
    if (resolve) resolve()
    else busy -= 1
  }

  return {
    /** Does something when it is its turn. `again`: it has been through before, and goes on ahead of those who wait. */
    async run<T>(work: () => Promise<T>, { again = false } = {}): Promise<T> {
      await turn(again)
      try {
        return await work()
      } finally {
        next()
      }
    }
  }
}
