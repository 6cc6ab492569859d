import { inArray } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Change, Db, Reader } from '../../db/index.ts'

const remembered = 200_000

export type LogDevices = ReturnType<typeof createLogDevices>

/** The devices that have reported, by the numbers that the log refers to them by. */
export function createLogDevices({ db }: { db: Db }) {
  const { logDevices } = db.tables
  const { id, deviceId } = logDevices
  const numbers = new LRUCache<string, number>({ max: remembered }) // a number never changes

  async function learn(reader: Reader, ids: string[]) {
    const unknown = ids.filter((each) => numbers.peek(each) === undefined)
    if (unknown.length === 0) return
    const rows = await reader.select({ id, deviceId }).from(logDevices).where(inArray(deviceId, unknown))
    for (const row of rows) numbers.set(row.deviceId, row.id)
  }

  /** Those who are new get a number; it is remembered once it is committed. */
  async function add({ tx, afterCommit }: Change, fresh: string[]) {
    if (fresh.length === 0) return []
    const values = fresh.map((each) => ({ deviceId: each }))
    const rows = await tx.insert(logDevices).values(values).returning({ id, deviceId })
    afterCommit(() => {
      for (const row of rows) numbers.set(row.deviceId, row.id)
    })
    return rows
  }

  return {
    /** The number of a device; undefined for one that has never reported. */
    async numberOf(each: string) {
      await learn(db.read, [each])
      return numbers.get(each)
    },

    /** The number of a device, where it is in memory. */
    known: (each: string) => numbers.get(each),

    /** Notes the numbers of devices that another thread has found. */
    remember(found: Map<string, number>) {
      for (const [each, number] of found) numbers.set(each, number)
    },

    /** Inside a change, which holds the order: the numbers of those devices that are not given by their numbers. Who is new gets one. */
    async numbersOf(change: Change, devices: (string | number)[]) {
      const ids = [...new Set(devices)].filter((each) => typeof each === 'string')
      await learn(change.tx, ids)
      const found = new Map<string, number>()
      const fresh: string[] = []
      for (const each of ids) {
        const number = numbers.get(each)
        if (number === undefined) fresh.push(each)
        else found.set(each, number)
      }
      for (const row of await add(change, fresh)) found.set(row.deviceId, row.id)
      return found
    }
  }
}
