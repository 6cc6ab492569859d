import type { KnownCaller } from '../../features/accounts/service.ts'
import type { ListedEntry, LogQuery } from '../../features/logs/service.ts'
import { deviceType } from '../../features/logs/service.ts'
import type { Hub } from '../../hub.ts'
import { streamText } from '../streams.ts'

const followedAtOnce = 200

type Following = Pick<LogQuery, 'applicationId' | 'type' | 'after'> & { caller: KnownCaller }

/** A page of entries, newest first. It is put together as text, as payloads stand in it to the letter. */
export async function pageOf({ logs }: Hub, { limit, ...query }: LogQuery) {
  const entries = await logs.list({ ...query, limit: limit + 1 })
  const shown = entries.slice(0, limit)
  const next = entries.length > limit ? `,"next":"${shown.at(-1)?.id}"` : ''
  const body = `{"success":true,"data":[${shown.map(asJson).join(',')}]${next}}`
  return new Response(body, { headers: { 'content-type': 'application/json;charset=utf-8' } })
}

/** The entries after one, or else those that come from now on, a line each, until the reader or the hub ends it, or the reader may no longer read. */
export async function followLog(hub: Hub, { applicationId, type, caller, ...start }: Following) {
  let after = start.after ?? (await hub.logs.list({ limit: 1 }))[0]?.id ?? 0
  const read = async () => {
    const role = await hub.accounts.roleOf(caller)
    if (role === undefined || role === 'USER') return undefined
    const entries = await hub.logs.list({ applicationId, type, after, limit: followedAtOnce })
    after = entries.at(-1)?.id ?? after
    return entries.map((entry) => `${inOneLine(asJson(entry))}\n`).join('')
  }
  const isFollowed = (id: string) => applicationId === undefined || id === applicationId
  return streamText({
    read,
    onNews: (wake) => onGrowth(hub, (id) => void (isFollowed(id) && wake())),
    stopping: hub.stopping,
    type: 'application/x-ndjson',
    beat: '\n'
  })
}

/** Calls `listener` with each application whose log has grown: at once by this process, a little later by another. */
function onGrowth({ logs, notices }: Hub, listener: (applicationId: string) => void) {
  const stops = [
    logs.listen(({ applicationId }) => listener(applicationId)),
    notices.listen(({ type, data }) => type === 'logs.stored' && listener(data.application_id))
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function asJson({ id, applicationId, deviceId, type, payload, at, seq, hash }: ListedEntry) {
  const before = JSON.stringify({ id, application_id: applicationId, device_id: deviceId, log_type: type }).slice(0, -1)
  const after = JSON.stringify({ createdAt: at.toISOString(), seq, hash }).slice(1)
  const shown = type !== deviceType && isJson(payload) ? payload : JSON.stringify(payload)
  return `${before},"payload":${shown},${after}`
}

/** Line ends are nowhere in JSON but between its words. */
const inOneLine = (json: string) => json.replaceAll(/[\r\n]+/g, ' ')

/** What somebody has changed in the database behind the hub's back may be anything. */
function isJson(text: string) {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
