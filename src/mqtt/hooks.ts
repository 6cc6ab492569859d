import type { AedesOptions } from 'aedes'
import type { Hub } from '../hub.ts'
import type { Access } from './access.ts'
import { insideOf } from './guards/aedes.ts'
import { createSubscriptionLimit } from './guards/subscriptions.ts'
import type { MqttLimits } from './limits.ts'
import type { Publishing } from './publishing.ts'
import type { Sessions } from './sessions.ts'
import { isFilter } from './topics.ts'

type Needs = {
  hub: Hub
  access: Access
  publishing: Publishing
  sessions: Sessions
  limits: MqttLimits
  isStopping(): boolean
}

type Hooks = Pick<AedesOptions, 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'>

/** What Aedes asks before it lets a client do anything. */
export function createHooks({ hub, access, publishing, sessions, limits, isStopping }: Needs): Hooks {
  const subscriptions = createSubscriptionLimit(limits.filters)
  return {
    // Asked for a will only: what clients publish does not go through Aedes (publishing.ts).
    authorizePublish(client, packet, done) {
      if (!client) return done(null) // the broker's own
      if (isStopping()) return done(new Error('the hub is stopping')) // it is the hub that goes, not its clients
      const { topic, payload, qos } = packet
      publishing.publishWill(insideOf(client), { topic, text: payload.toString(), payload: Buffer.from(payload), qos }, done)
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
      // Where it cannot be found out at present, the client is cut off: refused, it would not ask again.
      subscriptions.mayHave(client, subscription.topic, mayHave).then((may) => (may ? grant() : refuse()), done)
    },

    // Whatever a client is sent goes through the outbox: Aedes itself passes nothing on.
    authorizeForward: () => null
  }
}
