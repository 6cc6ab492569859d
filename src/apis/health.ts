import type { Hub } from '../hub.ts'
import { HubError, unavailable } from '../lib/errors.ts'
import { inTime } from '../lib/patience.ts'

const longest = 1000

/** Resolves when every part of the hub answers within a second. Throws `unavailable`, which says of the first that does not. */
export async function checkHealth({ checks }: Pick<Hub, 'checks'>) {
  for (const { check, complaint } of checks) {
    const isAway = () => unavailable(complaint)
    await inTime(check(), longest, isAway).catch((error: unknown) => {
      throw error instanceof HubError ? error : isAway()
    })
  }
}
