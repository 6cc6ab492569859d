import type { Report } from '../features/devices/reports.ts'
import type { Connections } from './connections.ts'
import type { Elsewhere } from './elsewhere.ts'
import type { Outbox } from './outbox.ts'
import { topics } from './topics.ts'

export type Reports = ReturnType<typeof createReports>

/** What a device has said, as text, and as it came where that is something else. */
export type Told = { topic: string; text: string; payload?: Buffer; qos: number }

type Needs = { connections: Connections; outbox: Outbox; elsewhere: Elsewhere }

/** Tells the members of a team what its devices say, once it is stored, over whichever way it came. */
export function createReports({ connections, outbox, elsewhere }: Needs) {
  function tellHere(teamId: string, { topic, text, payload: asItCame, qos: published }: Told) {
    const members = connections.ofMembers(teamId)
    if (members.size === 0) return
    const payload = asItCame ?? Buffer.from(text)
    const qos = published === 0 ? 0 : 1
    for (const client of members) outbox.deliver(client, { topic, payload, qos, retain: false, replaceable: false })
  }

  function tell(teamId: string, told: Told) {
    tellHere(teamId, told)
    elsewhere.tell(teamId, told)
  }

  return {
    /** Passes on what came over MQTT, as it came. */
    tell,

    /** Tells the clients of this hub what has come at another. */
    tellHere,

    /** Tells what came in a heartbeat on the topics where MQTT would have brought it. */
    tellHeartbeat({ device: { team, name, teamId }, over, status, lines }: Report) {
      if (over === 'mqtt' || (connections.ofMembers(teamId).size === 0 && !elsewhere.hears(teamId))) return
      if (status !== undefined) tell(teamId, { topic: topics.deviceStatus.of({ team, name }), text: status, qos: 0 })
      if (lines.length > 0) tell(teamId, { topic: topics.deviceLog.of({ team, name }), text: lines.join('\n'), qos: 0 })
    }
  }
}
