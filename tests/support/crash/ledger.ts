/** What was asked to be stored, by a key of its own each, and what was acknowledged of that. */
export type Ledger = ReturnType<typeof createLedger>

export function createLedger() {
  const asked = new Set<string>()
  const acknowledged = new Set<string>()

  return {
    asked,
    acknowledged,
    /** Writes down that keys are asked to be stored, and whether that is acknowledged; what breaks off is not. */
    async entrust(keys: string[], store: () => Promise<boolean>) {
      for (const key of keys) asked.add(key)
      if (await store().catch(() => false)) for (const key of keys) acknowledged.add(key)
    },
    /** What is wrong with what is there: all of it must be there that was acknowledged, once, and nothing that nobody asked for. */
    faults(there: string[]) {
      const once = new Set(there)
      return {
        lost: [...acknowledged].filter((key) => !once.has(key)),
        twice: there.length - once.size,
        unasked: [...once].filter((key) => !asked.has(key))
      }
    }
  }
}

export const faultless = { lost: [], twice: 0, unasked: [] }
