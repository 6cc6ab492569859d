import type { Relay } from '../features/hubs/relay.ts'
import type { Spoken } from '../features/tasks/service.ts'
import type { GroupListener } from './groups.ts'
import type { Told } from './reports.ts'

const ofTeam = (id: string) => `team:${id}`
const ofUser = (id: string) => `user:${id}`

export type Elsewhere = ReturnType<typeof createElsewhere>

type Needs = {
  relay: Pick<Relay, 'want' | 'isWanted' | 'pass'>
  told(teamId: string, told: Told): void
  spoken(spoken: Spoken): void
}

/** What devices and tasks say at other hubs, for the clients of this one; and at this one, for those of others. */
export function createElsewhere({ relay, told, spoken }: Needs) {
  const stops = new Map<string, () => void>()
  const listenUnder = (keyOf: (id: string) => string, heard: (id: string, bytes: Buffer) => void): GroupListener => ({
    began: (id) =>
      void stops.set(
        keyOf(id),
        relay.want(keyOf(id), (bytes) => bytes && heard(id, bytes))
      ),
    ended(id) {
      stops.get(keyOf(id))?.()
      stops.delete(keyOf(id))
    }
  })

  return {
    /** For members of teams: what the teams' devices say. */
    teams: listenUnder(ofTeam, (teamId, bytes) => {
      const [topic, qos, payload] = JSON.parse(bytes.toString()) as [string, number, string]
      const asItCame = Buffer.from(payload, 'base64')
      told(teamId, { topic, text: '', payload: asItCame, qos })
    }),

    /** For users: what their tasks write. */
    users: listenUnder(ofUser, (userId, bytes) => {
      const end = bytes.indexOf('\n')
      spoken({ userId, task: bytes.toString('utf8', 0, end), bytes: bytes.subarray(end + 1) })
    }),

    /** Passes on what a device says to members of its team. */
    tell(teamId: string, { topic, text, payload = Buffer.from(text), qos }: Told) {
      if (!relay.isWanted(ofTeam(teamId))) return
      relay.pass(ofTeam(teamId), Buffer.from(JSON.stringify([topic, qos, payload.toString('base64')])))
    },

    /** Whether anybody is to be told what the devices of a team say. */
    hears: (teamId: string) => relay.isWanted(ofTeam(teamId)),

    /** Passes on what a task writes to its owner. */
    pass({ userId, task, bytes }: Spoken) {
      if (relay.isWanted(ofUser(userId))) relay.pass(ofUser(userId), Buffer.concat([Buffer.from(`${task}\n`), bytes]))
    }
  }
}
