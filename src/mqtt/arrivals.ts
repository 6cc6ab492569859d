import type { Client } from 'aedes'
import type { Hub } from '../hub.ts'
import type { Connections } from './connections.ts'
import type { Guards } from './guards/clients.ts'
import { type Principal, setPrincipal } from './principals.ts'
import { type Sessions, sessionId } from './sessions.ts'
import type { Work } from './work.ts'

const longestTimer = 2 ** 31 - 1

type Needs = { hub: Hub; connections: Connections; sessions: Sessions; guards: Guards; work: Work; isStopping(): boolean }

/** Who comes and goes: counted from the sign-in to the end of the socket, whatever Aedes makes of it in between. */
export function createArrivals({ hub, connections, sessions, guards, work, isStopping }: Needs) {
  function leave(client: Client, principal: Principal) {
    const last = connections.remove(client, principal)
    if (last && client.clean) sessions.end(client.id)
    if (principal.kind !== 'device') return
    hub.presence.leave(principal.id)
    if (!isStopping()) work.run('noting that a device was here', hub.reports.seen(principal.id))
  }

  return {
    /** Counts in a client that has signed in; whoever had its id until now goes [MQTT-3.1.4-2]. */
    arrive(client: Client, principal: Principal) {
      if (client.closed || client.conn.destroyed) return
      setPrincipal(client, principal)
      guards.signedIn(client)
      Object.assign(client, { id: sessionId(principal, client.id) })
      const previous = connections.add(client, principal)
      previous?.close()
      if (previous?.clean) sessions.end(previous.id)
      if (principal.kind === 'device') hub.presence.join(principal.id)
      if (principal.kind === 'user') endWithToken(client, principal.expiresAt)
      client.conn.once('close', () => leave(client, principal))
    }
  }
}

/** Closes a user's connection when the token that it was made with ends. */
function endWithToken(client: Client, expiresAt: number) {
  const timer = setTimeout(() => client.close(), Math.min(expiresAt - Date.now(), longestTimer))
  timer.unref()
  client.conn.once('close', () => clearTimeout(timer))
}
