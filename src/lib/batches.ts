export type Batches<Item> = ReturnType<typeof createBatches<Item>>

/**
 * Works off whatever has gathered while it was at the last, in the order of arrival, at most so many at once: the cost of
 * each falls as load rises. `work` must not throw.
 */
export function createBatches<Item>(atOnce: number, work: (items: Item[]) => Promise<void>) {
  const waiting: Item[] = []
  let working = false

  async function workOff() {
    while (waiting.length > 0) {
      await work(waiting.splice(0, atOnce))
      if (waiting.length > 0) await new Promise((resolve) => void setImmediate(resolve)) // whoever else waits comes first
    }
    working = false
  }

  return {
    /** How many wait for the next turn. */
    waiting: () => waiting.length,

    /** Adds one to the next turn. */
    add(item: Item) {
      waiting.push(item)
      if (working) return
      working = true
      setImmediate(() => void workOff())
    }
  }
}
