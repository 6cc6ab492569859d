import type { KnownCaller } from '../../features/accounts/service.ts'
import type { LogStart } from '../../features/logs/service.ts'
import type { Hub } from '../../hub.ts'
import { HubError, invalid } from '../../lib/errors.ts'
import { streamText } from '../streams.ts'

/** The log of a device, by pages and as a stream. */
export const deviceLog = (hub: Hub) => ({
  /** A page of lines, with the cursor to read on from. */
  async page(deviceId: string, since: string | undefined) {
    const { lines } = await hub.logs.ofDevice(deviceId, startOf(since))
    return {
      log: lines.map(({ at, line }) => ({ at: at.toISOString(), line })),
      next: String(lines.at(-1)?.id ?? since ?? 0)
    }
  },

  /** All lines from `since` on as text, and those to come, until the reader or the hub ends it, or the reader may no longer read; an empty line is a sign of life. */
  follow(deviceId: string, since: string | undefined, reader: Reader) {
    let start = startOf(since)
    const read = async () => {
      if (!(await mayRead(hub, reader))) return undefined
      const { lines } = await hub.logs.ofDevice(deviceId, start)
      const last = lines.at(-1)
      if (last) start = { after: last.id }
      else if (!(await hub.devices.exists(deviceId))) return undefined
      return lines.map(({ line }) => `${line}\n`).join('')
    }
    const onNews = (wake: () => void) => hub.reports.listenTo(deviceId, wake)
    return streamText({ read, onNews, stopping: hub.stopping, type: 'text/plain; charset=utf-8', beat: '\n' })
  }
})

type Reader = { caller: KnownCaller; team: string }

async function mayRead(hub: Hub, { caller, team }: Reader) {
  if ((await hub.accounts.roleOf(caller)) === undefined) return false
  try {
    await hub.teams.access(caller.id, team, 'read')
    return true
  } catch (error) {
    if (error instanceof HubError && error.kind !== 'unavailable') return false
    throw error
  }
}

function startOf(since: string | undefined): LogStart {
  if (since === undefined || since === '') return { after: 0 }
  if (/^\d{1,15}$/.test(since)) return { after: Number(since) }
  const time = new Date(since)
  if (Number.isNaN(time.getTime())) throw invalid('', ['since must be a time (ISO 8601) or the next of an earlier answer'])
  return { since: time }
}
