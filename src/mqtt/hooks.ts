import type { AedesOptions, Client, ConnectPacket, PublishPacket } from 'aedes'
import type { Hub } from '../hub.ts'
import type { Access } from './access.ts'
import { handlePublish } from './handlers.ts'
import { connackCode, type Principal, principalOf } from './principals.ts'
import type { Reports } from './reports.ts'
import { isFilter } from './topics.ts'
import type { Work } from './work.ts'

const clientIdAtMost = 128
const identifierRejected = 2

type Needs = {
  hub: Hub
  access: Access
  reports: Reports
  work: Work
  /** Counts in a client that has signed in. */
  arrive(client: Client, principal: Principal): void
  isStopping(): boolean
}

type Hooks = Pick<AedesOptions, 'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'>

/** What Aedes asks before it lets a client do anything. */
export function createHooks({ hub, access, reports, work, arrive, isStopping }: Needs): Hooks {
  const misnamed = new WeakSet<Client>()
  const refused = new WeakSet<Client>() // who has published what it may not: what it sent after that does not count either

  async function publish(client: Client, { topic, payload, qos }: PublishPacket) {
    const principal = principalOf(client)
    if (!principal) throw new Error('not authorized')
    if (qos === 2) throw new Error('QoS 2 is not offered')
    const { teamId } = await handlePublish(hub, principal, topic, payload.toString())
    reports.tell(teamId, { topic, payload: Buffer.from(payload), qos })
  }

  return {
    preConnect(client, packet, done) {
      if (!isNamed(packet)) misnamed.add(client)
      done(null, true)
    },

    authenticate(client, username, password, done) {
      if (misnamed.has(client)) return done(refusal(identifierRejected), false)
      const credentials = { username, password: password?.toString(), address: addressOf(client) }
      access
        .signIn(credentials, (principal) => arrive(client, principal))
        .then(
          () => done(null, true),
          (error: unknown) => done(refusal(connackCode(error)), false)
        )
    },

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
      access.mayHave(client, subscription).then(
        (may) => done(null, may ? subscription : null), // null: 0x80 in the SUBACK [MQTT-3.9.3-2]
        () => done(null, null)
      )
    },

    // Whatever a client is sent goes through the outbox: Aedes itself passes nothing on.
    authorizeForward: () => null
  }
}

/** Whoever wants a session kept must name it [MQTT-3.1.3-7]. */
const isNamed = ({ clientId, clean = true }: ConnectPacket) => (clean || clientId !== '') && clientId.length <= clientIdAtMost

const refusal = (returnCode: number) => Object.assign(new Error('connection refused'), { returnCode })

const addressOf = ({ conn }: Client) => ('remoteAddress' in conn && conn.remoteAddress) || 'unknown'
