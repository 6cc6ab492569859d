import { HubError } from '../lib/errors.ts'
import { asUnavailable } from '../lib/failures.ts'
import type { Log } from '../lib/log.ts'
import type { Driver } from './index.ts'

const failureCountsFor = 10_000

/** Whether changes are stored: a full disk shows in nothing else. `log` is told when that changes. */
export function createStoring(log: Log | undefined) {
  let failure: HubError | undefined
  let failedAt = Number.NEGATIVE_INFINITY

  function note(error?: unknown) {
    const next = error instanceof HubError ? undefined : asUnavailable(error)
    if (next && !failure) log?.error({ reason: next.message }, 'SQLite stores nothing at present')
    if (error === undefined && failure) log?.info('SQLite stores again')
    if (next) failedAt = performance.now()
    if (next || error === undefined) failure = next
  }

  return {
    watched:
      (transaction: Driver['transaction']): Driver['transaction'] =>
      async (work) => {
        try {
          const result = await transaction(work)
          note()
          return result
        } catch (error) {
          note(error)
          throw error
        }
      },

    /** Throws where the last change could not be stored, unless that is a while ago. */
    check() {
      if (failure && performance.now() - failedAt < failureCountsFor) throw failure
    }
  }
}
