import type { AedesOptions, AuthenticateError, Client, ConnectPacket, PublishPacket } from 'aedes'
import type { Hub } from '../hub.ts'
import { type ErrorKind, HubError } from '../lib/errors.ts'
import type { Access } from './access.ts'
import { type AedesClient, insideOf } from './guards/aedes.ts'
import { type Reason, Refusal } from './guards/refusals.ts'
import { createSubscriptionLimit } from './guards/subscriptions.ts'
import { handlePublish } from './handlers.ts'
import type { MqttLimits } from './limits.ts'
import { type Credentials, connackCode, type Principal, principalOf } from './principals.ts'
import type { Reports } from './reports.ts'
import type { Sessions } from './sessions.ts'
import { isFilter } from './topics.ts'
import { type Budget, createTurns } from './turns.ts'
import type { Work } from './work.ts'

const clientIdAtMost = 128
const quietBeforeProbe = 60_000
const longestKeepAlive = 1800 // in s; who need not say anything for longer is found out by TCP
const identifierRejected = 2
const unavailable = 3
const notAuthorized = 5

type Needs = {
  hub: Hub
  access: Access
  reports: Reports
  sessions: Sessions
  work: Work
  budget: Budget
  limits: MqttLimits
  /** Counts in a client that has signed in. */
  arrive(client: Client, principal: Principal): void
  isStopping(): boolean
}

type Hooks = Pick<AedesOptions, 'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'>

/** What Aedes asks before it lets a client do anything. */
export function createHooks({ hub, access, reports, sessions, work, budget, limits, arrive, isStopping }: Needs): Hooks {
  const unwelcome = new WeakMap<Client, ReturnType<typeof refusal>>()
  const subscriptions = createSubscriptionLimit(limits.filters)
  const signIns = createTurns<() => void>(budget, (start) => start()) // ten thousand at once would be checked in one turn
  const refused = new WeakSet<Client>() // who has published what it may not: what it sent after that does not count either

  /** Gives why not, if so. */
  async function signIn(client: Client, credentials: Credentials) {
    try {
      await access.signIn(credentials, (principal) => arrive(client, principal))
      return null
    } catch (error) {
      if (error instanceof HubError) return refusal(connackCode(error), error.kind)
      hub.log.error({ err: error }, 'signing in over MQTT: this failed')
      return refusal(connackCode(error), 'unexpected')
    }
  }

  async function publish(client: Client, { topic, payload, qos }: PublishPacket) {
    const principal = principalOf(client)
    if (!principal) throw new Error('not authorized')
    if (qos === 2) throw new Error('QoS 2 is not offered')
    const { teamId } = await handlePublish(hub, principal, topic, payload.toString())
    reports.tell(teamId, { topic, payload: Buffer.from(payload), qos })
  }

  return {
    preConnect(client, packet, done) {
      const reason = reasonAgainst(packet)
      if (reason) unwelcome.set(client, reason)
      keepClock(insideOf(client), packet)
      done(null, true)
    },

    authenticate(client, username, password, done) {
      const reason = unwelcome.get(client)
      if (reason) return done(reason, false)
      const answer = once((error: AuthenticateError | null) => {
        clearTimeout(late)
        done(error, error === null)
      })
      // Aedes would wait for ever, with the connection and all that it has sent.
      const late = setTimeout(() => answer(refusal(unavailable, 'sign_in_timeout')), limits.signInWithin)
      const credentials = { username, password: password?.toString(), address: insideOf(client).conn.remoteAddress }
      signIns.add(() => {
        if (client.closed) clearTimeout(late)
        else void signIn(client, credentials).then(answer)
      })
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

/** Whoever wants a session kept must name it [MQTT-3.1.3-7]. */
const isNamed = ({ clientId, clean = true }: ConnectPacket) => (clean || clientId !== '') && clientId.length <= clientIdAtMost

/** Why a CONNECT is refused whoever sent it. */
function reasonAgainst(packet: ConnectPacket) {
  if (!isNamed(packet)) return refusal(identifierRejected, 'identifier')
  // Without QoS 2, and with nothing retained but what the hub answers, such a will could not be kept [MQTT-3.1.2-17].
  if (packet.will && (packet.will.qos === 2 || packet.will.retain)) return refusal(notAuthorized, 'not_offered')
  return undefined
}

const refusal = (returnCode: number, reason: Reason | ErrorKind) =>
  Object.assign(new Refusal(reason, 'connection refused'), { returnCode })

/** Does something the first time only. */
function once<T>(act: (value: T) => void) {
  let isDone = false
  return (value: T) => {
    if (isDone) return
    isDone = true
    act(value)
  }
}

/** The guards watch for silence: Aedes would have a timer for each client. */
function keepClock(client: AedesClient, packet: ConnectPacket) {
  client.keepalive = packet.keepalive ?? 0
  packet.keepalive = 0
  if (client.keepalive === 0 || client.keepalive > longestKeepAlive) client.conn.probeAfter(quietBeforeProbe)
}
