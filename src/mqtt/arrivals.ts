import type { Client } from 'aedes'
import type { Hub } from '../hub.ts'
import type { Connections } from './connections.ts'
import { createDepartures } from './departures.ts'
import { insideOf } from './guards/aedes.ts'
import type { Guards } from './guards/clients.ts'
import { type Principal, principalOf } from './principals.ts'
import { type Sessions, sessionId } from './sessions.ts'
import type { Work } from './work.ts'

const longestTimer = 2 ** 31 - 1

type Needs = { hub: Hub; connections: Connections; sessions: Sessions; guards: Guards; work: Work; isStopping(): boolean }

/** Who comes and goes: counted from the sign-in to the end of the connection, whatever Aedes makes of it in between. */
export function createArrivals({ hub, connections, sessions, guards, work, isStopping }: Needs) {
  const endings = new WeakMap<Client, Timer>()
  const departures = createDepartures({ hub, work, isStopping })

  /** Closes a user's connection when the token that it was made with ends. */
  function endWithToken(client: Client, expiresAt: number) {
    const timer = setTimeout(() => client.close(), Math.min(expiresAt - Date.now(), longestTimer))
    timer.unref()
    endings.set(client, timer)
  }

  /** It has come to another hub since. What its session was here counts no more. */
  function takenOver(session: string) {
    connections.withId(session)?.close()
    sessions.end(session)
  }

  hub.hubs.start(
    {
      sessions: connections.ids,
      hasSession: (session) => connections.withId(session) !== undefined,
      devices: hub.presence.here,
      hasDevice: hub.presence.isHere
    },
    takenOver
  )

  return {
    /** Counts in a client that has signed in; whoever had its id until now goes [MQTT-3.1.4-2]. */
    arrive(client: Client, principal: Principal) {
      const inside = insideOf(client)
      if (client.closed || inside.conn.destroyed) return
      inside.principal = principal
      guards.signedIn(client)
      Object.assign(client, { id: sessionId(principal, client.id) })
      const previous = connections.add(client, principal)
      previous?.close()
      if (previous?.clean) sessions.end(previous.id)
      hub.hubs.arrived(client.id)
      if (principal.kind === 'device') hub.presence.join(principal.id)
      else if (principal.kind === 'user') endWithToken(client, principal.expiresAt)
    },

    /** Counts out a client whose connection has ended. */
    left(client: Client) {
      const principal = principalOf(client)
      if (!principal) return
      const last = connections.remove(client, principal)
      if (last && client.clean) sessions.end(client.id)
      clearTimeout(endings.get(client))
      if (principal.kind !== 'device') return
      hub.presence.leave(principal.id)
      if (!isStopping() && !hub.presence.has(principal.id)) departures.note(principal.id)
    }
  }
}
