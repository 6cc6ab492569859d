import { setTimeout as after } from 'node:timers/promises'
import type { Hub } from '../hub.ts'
import type { Work } from './work.ts'

const atOnce = 100
const rest = 200

type Needs = { hub: Hub; work: Work; isStopping(): boolean }

/**
 * Notes when devices were last here: some at once. When a network fails, thousands go in a moment, and most of them
 * are back before their turn comes: to note each would be more work than all the rest that their coming and going makes.
 */
export function createDepartures({ hub: { presence, reports }, work, isStopping }: Needs) {
  const gone = new Set<string>()
  let isNoting = false

  function next() {
    const ids: string[] = []
    for (const id of gone) {
      if (ids.length === atOnce) break
      gone.delete(id)
      if (!presence.has(id)) ids.push(id)
    }
    return ids
  }

  async function noteAll() {
    isNoting = true
    try {
      while (gone.size > 0) {
        await Promise.all(next().map((id) => reports.seen(id)))
        if (gone.size > 0 && !isStopping()) await after(rest)
      }
    } finally {
      isNoting = false
    }
  }

  return {
    /** The last connection of a device has ended. */
    note(deviceId: string) {
      gone.add(deviceId)
      if (!isNoting) work.run('noting that a device was here', noteAll())
    }
  }
}
