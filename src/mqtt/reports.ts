import type { Report } from '../features/devices/reports.ts'
import type { Connections } from './connections.ts'
import type { Outbox } from './outbox.ts'
import { topics } from './topics.ts'

export type Reports = ReturnType<typeof createReports>

type Told = { topic: string; payload: Buffer; qos: 0 | 1 }

/** Tells the members of a team what its devices say, once it is stored, over whichever way it came. */
export function createReports({ connections, outbox }: { connections: Connections; outbox: Outbox }) {
  function tell(teamId: string, message: Told) {
    for (const client of connections.ofMembers(teamId)) outbox.deliver(client, { ...message, retain: false, replaceable: false })
  }

  return {
    /** Passes on what came over MQTT, as it came. */
    tell,

    /** Tells what came in a heartbeat on the topics where MQTT would have brought it. */
    tellHeartbeat({ device: { team, name, teamId }, over, status, lines }: Report) {
      if (over === 'mqtt' || connections.ofMembers(teamId).size === 0) return
      if (status !== undefined)
        tell(teamId, { topic: topics.deviceStatus.of({ team, name }), payload: Buffer.from(status), qos: 0 })
      if (lines.length > 0)
        tell(teamId, { topic: topics.deviceLog.of({ team, name }), payload: Buffer.from(lines.join('\n')), qos: 0 })
    }
  }
}
