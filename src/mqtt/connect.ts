import type { Client } from 'aedes'
import type { Hub } from '../hub.ts'
import { type ErrorKind, HubError } from '../lib/errors.ts'
import { asUnavailable } from '../lib/failures.ts'
import { newId } from '../lib/secrets.ts'
import type { Access } from './access.ts'
import { connackBytes } from './encoding.ts'
import { type AedesClient, outsideOf, type ParsedPacket } from './guards/aedes.ts'
import { type Reason, Refusal } from './guards/refusals.ts'
import { connackCode, type Principal } from './principals.ts'
import type { Sessions } from './sessions.ts'
import { type Budget, createTurns } from './turns.ts'

const clientIdAtMost = 128
const clientIdAtMostBefore311 = 23
const quietBeforeProbe = 60_000
const longestKeepAlive = 1800 // in s; who need not say anything for longer is found out by TCP
const [accepted, unknownVersion, identifierRejected, notAuthorized] = [0, 1, 2, 5]

type Needs = {
  hub: Hub
  access: Access
  sessions: Sessions
  budget: Budget
  /** Counts in a client that has signed in. */
  arrive(client: Client, principal: Principal): void
  /** A client has been let in, and may be sent something. */
  letIn(client: Client): void
}

/**
 * Answers a CONNECT, in place of Aedes: that has a session looked up and taken up by promises, turns and streams of its own
 * for each, which is as much again as all the rest, and knows nothing of ten thousand that come at once.
 */
export function createConnect({ hub, access, sessions, budget, arrive, letIn }: Needs) {
  const signIns = createTurns<() => void>(budget, (begin) => begin())

  /** Gives why not, if so. */
  async function signIn(client: AedesClient, { username, password }: ParsedPacket) {
    const credentials = { username, password: password?.toString(), address: client.conn.remoteAddress }
    await new Promise<void>(signIns.add)
    if (client.closed) return undefined
    try {
      await access.signIn(credentials, (principal) => arrive(outsideOf(client), principal))
      return undefined
    } catch (error) {
      const known = asUnavailable(error) ?? error
      if (known instanceof HubError) return refusal(connackCode(known), known.kind)
      hub.log.error({ err: error }, 'signing in over MQTT: this failed')
      return refusal(connackCode(error), 'unexpected')
    }
  }

  /** Takes up the session of a client, or begins a new one; gives whether there was one [MQTT-3.2.2-2]. */
  async function takeUp(client: AedesClient) {
    const kept = sessions.begin(client)
    for (const { topic, qos } of kept?.subscriptions?.values() ?? []) {
      const isAllowed = await access.mayHave(outsideOf(client), { topic, qos })
      if (client.closed) break
      if (isAllowed) client.subscriptions[topic] = { qos }
    }
    return kept !== undefined
  }

  /** Resolves when the answer is given. Who has not got one in time is cut off by who watches (guards/watch.ts). */
  return async function connect(client: AedesClient, packet: ParsedPacket) {
    begin(client, packet)
    const refused = reasonAgainst(packet) ?? (await signIn(client, packet))
    if (refused && !client.closed) client.emit('error', refused)
    if (client.closed) return
    const isTakenUp = await takeUp(client)
    if (client.closed) return
    // A copy: it would keep the whole chunk in memory that it came in.
    client.will = packet.will ? { ...packet.will, payload: Buffer.from(packet.will.payload) } : null
    Object.assign(client, { connecting: false, connected: true, connackSent: true })
    client.conn.write(connackBytes(accepted, isTakenUp))
    letIn(outsideOf(client))
  }
}

export type Connect = ReturnType<typeof createConnect>

function begin(client: AedesClient, { clientId = '', clean = true, protocolVersion, keepalive = 0 }: ParsedPacket) {
  Object.assign(client, { connecting: true, id: clientId || newId(), clean, version: protocolVersion, keepalive })
  if (keepalive === 0 || keepalive > longestKeepAlive) client.conn.probeAfter(quietBeforeProbe)
}

/** Why a CONNECT is refused whoever sent it. */
function reasonAgainst({ protocolVersion = 0, clientId = '', clean = true, will }: ParsedPacket) {
  if (protocolVersion > 4) return refusal(unknownVersion, 'protocol_version') // [MQTT-3.1.2-2]
  const isTooLong = clientId.length > (protocolVersion === 3 ? clientIdAtMostBefore311 : clientIdAtMost)
  // Whoever wants a session kept must name it [MQTT-3.1.3-7].
  if (isTooLong || (clientId === '' && !clean)) return refusal(identifierRejected, 'identifier')
  // Without QoS 2, and with nothing retained but what the hub answers, such a will could not be kept [MQTT-3.1.2-17].
  if (will && (will.qos === 2 || will.retain)) return refusal(notAuthorized, 'not_offered')
  return undefined
}

const refusal = (code: number, reason: Reason | ErrorKind) => new Refusal(reason, 'connection refused', connackBytes(code))
