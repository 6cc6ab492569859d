import type { AedesOptions, Client, PublishPacket } from 'aedes'
import type { Hub } from '../hub.ts'
import type { Access } from './access.ts'
import { createSubscriptionLimit } from './guards/subscriptions.ts'
import { handlePublish } from './handlers.ts'
import type { MqttLimits } from './limits.ts'
import { principalOf } from './principals.ts'
import type { Reports } from './reports.ts'
import type { Sessions } from './sessions.ts'
import { isFilter } from './topics.ts'
import type { Work } from './work.ts'

type Needs = {
  hub: Hub
  access: Access
  reports: Reports
  sessions: Sessions
  work: Work
  limits: MqttLimits
  isStopping(): boolean
}

type Hooks = Pick<AedesOptions, 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'>

/** What Aedes asks before it lets a client do anything. */
export function createHooks({ hub, access, reports, sessions, work, limits, isStopping }: Needs): Hooks {
  const subscriptions = createSubscriptionLimit(limits.filters)
  const refused = new WeakSet<Client>() // who has published what it may not: what it sent after that does not count either

  async function publish(client: Client, { topic, payload, qos }: PublishPacket) {
    const principal = principalOf(client)
    if (!principal) throw new Error('not authorized')
    if (qos === 2) throw new Error('QoS 2 is not offered')
    const { teamId } = await handlePublish(hub, principal, topic, payload.toString())
    reports.tell(teamId, { topic, payload: Buffer.from(payload), qos })
  }

  return {
    // Aedes acknowledges a QoS 1 publish only after this hook: what is acknowledged is stored. [MQTT-4.3.2-2]
    authorizePublish(client, packet, done) {
      if (!client) return done(null) // the broker's own
      if (isStopping()) return done(new Error('the hub is stopping')) // wills: it is the hub that goes, not its clients
      const isWill = client.closed
      const inTurn = async () => {
        if (refused.has(client) && !isWill) throw new Error('cut off before this')
        await publish(client, packet)
      }
      work.inOrder(client, inTurn).then(
        () => done(null),
        (error: Error) => {
          refused.add(client)
          done(error)
        }
      )
    },

    authorizeSubscribe(client, subscription, done) {
      if (!isFilter(subscription.topic)) return done(new Error('not a topic filter'))
      const grant = () => {
        sessions.grant(subscription)
        done(null, subscription)
      }
      const refuse = () => {
        hub.metrics.refused('mqtt', 'filter')
        done(null, null) // 0x80 in the SUBACK [MQTT-3.9.3-2]
      }
      const mayHave = () => access.mayHave(client, subscription)
      subscriptions.mayHave(client, subscription.topic, mayHave).then((may) => (may ? grant() : refuse()), refuse)
    },

    // Whatever a client is sent goes through the outbox: Aedes itself passes nothing on.
    authorizeForward: () => null
  }
}
