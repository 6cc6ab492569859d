import type { Hub } from '../hub.ts'
import { HubError, unavailable } from '../lib/errors.ts'
import { failing } from '../lib/failures.ts'
import { inTime } from '../lib/patience.ts'

const longest = 1000

/** Resolves when every part of the hub answers within a second. Throws `unavailable`, which says of the first that does not. */
export async function checkHealth({ checks }: Pick<Hub, 'checks'>) {
  for (const { check, complaint } of checks) {
    const isAway = () => failing(complaint)
    await inTime(check(), longest, isAway).catch((error: unknown) => {
      throw error instanceof HubError ? error : isAway()
    })
  }
}

const notUp = { starting: 'The hub is starting', draining: 'The hub is about to stop' }

/** Resolves when the hub is to be sent work: it is up, and every part of it answers. Throws `unavailable`. */
export async function checkReadiness(hub: Pick<Hub, 'phase' | 'checks'>) {
  const phase = hub.phase()
  if (phase !== 'up') throw unavailable(notUp[phase])
  await checkHealth(hub)
}
