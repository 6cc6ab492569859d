export type Budget = ReturnType<typeof createBudget>

/**
 * How long the broker may be at work in one turn of the event loop, in ms. Bun hands over whatever has happened in one turn: ten
 * thousand connections that closed at once would hold up everybody else until the last of them is dealt with. `clock` is for tests.
 */
export function createBudget(ms: number, clock = () => performance.now()) {
  let endsAt: number | undefined
  const renew = () => {
    endsAt = undefined
  }

  function isSpent() {
    const now = clock()
    if (endsAt === undefined) {
      endsAt = now + ms
      setImmediate(renew)
    }
    return now >= endsAt
  }

  async function nextTurn() {
    await new Promise<void>((resolve) => void setImmediate(resolve))
    isSpent() // its time begins
  }

  return {
    /** Whether the time of this turn is used up. */
    isSpent,

    /** Resolves in the next turn. */
    nextTurn,

    /** Resolves at once while there is time left in this turn, else in the next. */
    async breathe() {
      if (isSpent()) await nextTurn()
    }
  }
}

/** Serves whatever is added, in that order, within a budget. What waits already need not be added again. */
export function createTurns<T>(budget: Budget, serve: (item: T) => void) {
  const waiting = new Set<T>()
  let isGoing = false

  async function go() {
    isGoing = true
    for (const item of waiting) {
      if (budget.isSpent()) await budget.nextTurn()
      waiting.delete(item)
      serve(item)
      await Promise.resolve() // what follows from it in promises counts too
    }
    isGoing = false
  }

  return {
    /** Serves an item now where there is time, else when its turn comes. `serve` must not throw. */
    add(item: T) {
      waiting.add(item)
      if (!isGoing) void go()
    },

    /** How many wait. */
    waiting: () => waiting.size
  }
}
