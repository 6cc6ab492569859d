const patience = 5000

export type Journal = ReturnType<typeof createJournal>

/** Writes what happens, with the delay since its cause, and lets the scenario wait for it. */
export function createJournal(write: (line: string) => void = console.log) {
  let causedAt = performance.now()
  let news = Promise.withResolvers<void>()
  const failures: Error[] = []
  let events = 0
  let bytesChecked = 0

  function wake() {
    news.resolve()
    news = Promise.withResolvers()
  }

  function fail(error: unknown) {
    failures.push(error instanceof Error ? error : new Error(String(error)))
    wake()
  }

  function throwFailure() {
    for (const failure of failures) throw failure
  }

  return {
    /** Does what has the events that follow as its consequence: their delays count from the moment before it is sent. */
    async cause<T>(what: string, work: () => Promise<T>) {
      write(`\n${what}`)
      causedAt = performance.now()
      return await work()
    },

    /** Notes an event at a device. */
    event(who: string, what: string) {
      const delay = `+${(performance.now() - causedAt).toFixed(1)} ms`
      events += 1
      write(`${delay.padStart(12)}  ${who.padEnd(22)} ${what}`)
      wake()
    },

    /** Writes something that was made sure of. */
    sure: (what: string) => write(`${'sure'.padStart(12)}  ${what}`),

    /** Counts bytes that were compared with their source. */
    checked(bytes: number) {
      bytesChecked += bytes
    },

    /** Something happened that is worth another look, but no line. */
    wake,

    /** Ends the scenario: whoever waits, and whoever waits next, gets the error. */
    fail,

    /** Waits until `holds`, looked at after every event; five seconds at most unless told otherwise. */
    async until(what: string, holds: () => boolean, atMost = patience) {
      const timer = setTimeout(() => fail(new Error(`waited ${atMost} ms for ${what}`)), atMost)
      try {
        while (failures.length === 0 && !holds()) await news.promise
      } finally {
        clearTimeout(timer)
      }
      throwFailure()
    },

    /** What was noted, where nothing has failed. */
    totals() {
      throwFailure()
      return { events, bytesChecked }
    }
  }
}

/** Throws a sentence where something is not as it should be. */
export function ensure(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Error(sentence)
}

/** A number as people read it. */
export const readable = (value: number) => value.toLocaleString('en')
