import type { KnownCaller } from '../../features/accounts/service.ts'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { streamText } from '../streams.ts'

const type = 'text/plain; charset=utf-8'

/** From which byte on a log is to be read. */
export function offsetOf(given: string | undefined) {
  if (given === undefined || given === '') return 0
  if (!/^\d{1,15}$/.test(given)) throw invalid('offset must be a number of bytes')
  return Number(given)
}

/**
 * The log of a task from an offset on: what is there, and, to `follow` it, what comes until the run is over. It is read as
 * the reader takes it: one who is slow, or gone, costs the container nothing.
 */
export async function logAnswer(
  hub: Hub,
  { caller, id }: { caller: KnownCaller; id: string },
  { follow, offset }: { follow: boolean; offset: number }
) {
  const first = await hub.tasks.log(caller.id, id)
  let at = offset

  async function read() {
    if ((await hub.accounts.roleOf(caller)) === undefined) return undefined // a token ends, a key is deleted
    const log = await hub.tasks.log(caller.id, id).catch(() => undefined)
    if (log?.run !== first.run) return undefined // deleted, or started anew
    const bytes = await log.page(at)
    at += bytes.byteLength
    if (bytes.byteLength > 0) return bytes
    return follow && !log.isOver ? '' : undefined
  }

  return streamText({ read, onNews: (wake) => hub.tasks.onLog(first.run, wake), stopping: hub.stopping, type, beat: '' })
}
