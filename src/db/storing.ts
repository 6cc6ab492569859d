import { HubError } from '../lib/errors.ts'
import { asUnavailable } from '../lib/failures.ts'
import type { Log } from '../lib/log.ts'

const failureCountsFor = 10_000

export type Storing = ReturnType<typeof createStoring>

/** Whether what is to be stored is stored by `what`: a full disk shows in nothing else. `log` is told when that changes. */
export function createStoring(what: string, log?: Log) {
  let failure: HubError | undefined
  let failedAt = Number.NEGATIVE_INFINITY

  function note(error?: unknown) {
    const next = error instanceof HubError ? undefined : asUnavailable(error)
    if (next && !failure) log?.error({ reason: next.message }, `${what} stores nothing at present`)
    if (error === undefined && failure) log?.info(`${what} stores again`)
    if (next) failedAt = performance.now()
    if (next || error === undefined) failure = next
  }

  return {
    /** Notes how storing something ends, and gives that. */
    async watch<T>(stored: Promise<T>): Promise<T> {
      try {
        const result = await stored
        note()
        return result
      } catch (error) {
        note(error)
        throw error
      }
    },

    /** Throws where the last could not be stored, unless that is a while ago. */
    check() {
      if (failure && performance.now() - failedAt < failureCountsFor) throw failure
    }
  }
}
