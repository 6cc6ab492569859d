import type { Client, Subscription } from 'aedes'
import type { Notice } from '../features/notices/kinds.ts'
import type { Hub } from '../hub.ts'
import type { Connections } from './connections.ts'
import { createFreshness } from './freshness.ts'
import { isOfRepos, mayHearReleases } from './latest-releases.ts'
import {
  type Credentials,
  type DevicePrincipal,
  maySubscribe,
  type Principal,
  principalOf,
  signIn,
  teamsOf,
  type UserPrincipal
} from './principals.ts'
import type { Sessions } from './sessions.ts'
import { isOfTasks, mayHearTasks } from './tasks.ts'
import { isFilter } from './topics.ts'

export type Access = ReturnType<typeof createAccess>

type Needs = { hub: Hub; connections: Connections; sessions: Sessions }

/** Who may be here and hear what, now: who signs in, and who is cut off by a change. */
export function createAccess({ hub, connections, sessions }: Needs) {
  const freshness = createFreshness()

  /** Whether a client may have a subscription. Whoever is not known to be in the team may have joined it since. */
  async function mayHave(client: Client, { topic }: Subscription) {
    const principal = principalOf(client)
    if (!principal || maySubscribe(principal, topic)) return principal !== undefined
    if (principal.kind !== 'user') return false
    if (isOfRepos(topic)) return mayHearReleases(hub, principal.id, topic)
    if (isOfTasks(topic)) return isFilter(topic) && mayHearTasks(hub, principal.id, topic)
    return freshness.use(
      () => teamsOf(hub, principal.id),
      (teams) => {
        if (!client.closed) connections.setTeams(client, principal, teams)
        return maySubscribe(principal, topic)
      }
    )
  }

  function setTeam({ userId = '', data: { team } }: { userId?: string; data: { team: string } }, teamId: string | undefined) {
    for (const client of connections.ofUser(userId)) {
      const principal = principalOf(client) as UserPrincipal
      const others = [...principal.teams].filter(([name]) => name !== team)
      connections.setTeams(client, principal, new Map(teamId === undefined ? others : [...others, [team, teamId]]))
    }
  }

  function cutOff(clients: Iterable<Client>) {
    for (const client of clients) client.close()
  }

  const apply: { [T in Notice['type']]?: (notice: Extract<Notice, { type: T }>) => void } = {
    'device.deleted'({ data: { device_id: id } }) {
      cutOff(connections.ofDevice(id))
      sessions.endAllOf({ kind: 'device', id })
    },
    'device.associated'({ data: { device_id: id } }) {
      for (const client of connections.ofDevice(id)) (principalOf(client) as DevicePrincipal).hasMoved = true
    },
    'account.deleted'({ userId: id = '', data: { username } }) {
      cutOff(connections.ofUser(id))
      cutOff(connections.ofDevicesOf(username))
      sessions.endAllOf({ kind: 'user', id })
    },
    'account.password'({ userId = '' }) {
      const byToken = (client: Client) => (principalOf(client) as UserPrincipal).keyId === undefined
      cutOff([...connections.ofUser(userId)].filter(byToken))
    },
    'cli_key.deleted'({ userId = '', data: { key_id: keyId } }) {
      const byKey = (client: Client) => (principalOf(client) as UserPrincipal).keyId === keyId
      cutOff([...connections.ofUser(userId)].filter(byKey))
    },
    'team.deleted'(notice) {
      cutOff(connections.ofDevicesOf(notice.data.team))
      setTeam(notice, undefined)
    },
    'member.set': (notice) => setTeam(notice, notice.teamId),
    'member.removed': (notice) => setTeam(notice, undefined)
  }

  return {
    mayHave,

    /** Signs somebody in and counts them in by `arrive`, with nothing changed in between. Throws `unauthorized`, `tooMany`. */
    signIn: (credentials: Credentials, arrive: (principal: Principal) => void) =>
      freshness.use(() => signIn(hub, credentials), arrive),

    /** Applies what a notice means for those connected: cut off, or in a team more or less. */
    tell(notice: Notice) {
      const change = apply[notice.type] as ((notice: Notice) => void) | undefined
      if (!change) return
      freshness.changed()
      change(notice)
    }
  }
}
