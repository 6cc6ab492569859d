import { inArray } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Change, Db, Reader } from '../../db/index.ts'

const remembered = 200_000

/** When a device was last heard of. */
export type Seen = { deviceId: string; lastSeenAt: Date }

export type LogDevices = ReturnType<typeof createLogDevices>

/** The devices that have reported, by the numbers that the log refers to them by, and when they were last heard of. */
export function createLogDevices({ db }: { db: Db }) {
  const { logDevices } = db.tables
  const { id, deviceId } = logDevices
  const numbers = new LRUCache<string, number>({ max: remembered }) // a number never changes

  async function learn(reader: Reader, ids: string[]) {
    const unknown = ids.filter((each) => !numbers.has(each))
    if (unknown.length === 0) return
    const rows = await reader.select({ id, deviceId }).from(logDevices).where(inArray(deviceId, unknown))
    for (const row of rows) numbers.set(row.deviceId, row.id)
  }

  /** Those who are new get a number; it is remembered once it is committed. */
  async function add({ tx, afterCommit }: Change, fresh: Seen[]) {
    if (fresh.length === 0) return []
    const rows = await tx.insert(logDevices).values(fresh).returning({ id, deviceId })
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

    /** Inside a change, which holds the order: notes when devices were last heard of, each once. Gives their numbers. */
    async seen(change: Change, devices: Seen[]) {
      await learn(
        change.tx,
        devices.map((each) => each.deviceId)
      )
      const known = devices.flatMap((each) => {
        const number = numbers.get(each.deviceId)
        return number === undefined ? [] : [{ id: number, ...each }]
      })
      const fresh = await add(
        change,
        devices.filter((each) => !numbers.has(each.deviceId))
      )
      await db.insertMany(change, logDevices, known, { replacing: id })
      return new Map([...known, ...fresh].map((row) => [row.deviceId, row.id]))
    }
  }
}
