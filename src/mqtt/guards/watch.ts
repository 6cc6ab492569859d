import { connackBytes } from '../encoding.ts'
import type { MqttLimits } from '../limits.ts'
import { isSignedIn, type Wire } from '../wire.ts'
import { Refusal } from './refusals.ts'

const looksAtLeastEvery = 500
const looks = 4
const unavailable = 3 // as a CONNACK says it

type Needs = {
  wires: Iterable<Wire>
  limits: Pick<MqttLimits, 'signInWithin' | 'stalledFor'>
  cutOff(wire: Wire, error: Error): void
}

/**
 * Ends connections that do not say who they are in time, that are silent for longer than they said [MQTT-3.1.2-24], or that
 * take nothing of what they are sent: one without a keep-alive may be silent for as long as it likes, but a frozen one
 * would hold its buffers for ever. One clock for all: a timer for each would be as large as what it watches. Gives the way to stop.
 */
export function watch({ wires, limits, cutOff }: Needs) {
  function faultOf(wire: Wire, now: number) {
    if (!isSignedIn(wire) && now - askedAt(wire) > limits.signInWithin) return late(wire)
    if (isSilent(wire, now)) return new Error('keep alive timeout')
    if (now - wire.blockedSince > limits.stalledFor) return new Refusal('stalled', 'takes nothing of what it is sent')
    return undefined
  }

  function look() {
    const now = performance.now()
    for (const wire of wires) {
      const fault = faultOf(wire, now)
      if (fault) cutOff(wire, fault)
    }
  }

  const timer = setInterval(look, Math.min(looksAtLeastEvery, limits.signInWithin / looks, limits.stalledFor / looks))
  timer.unref()
  return () => clearInterval(timer)
}

/** Since when it is to say who it is, or its CONNECT is looked at. */
const askedAt = ({ client, since }: Wire) => (client?.connecting ? client.bucket.at : since)

/** Who has said who it is is told that this cannot be found out at present [MQTT-3.2.2-5]. */
const late = ({ client }: Wire) =>
  new Refusal('sign_in_timeout', 'not signed in in time', client?.connecting ? connackBytes(unavailable) : undefined)

/** Whether a client has sent no packet for one and a half times as long as it said it would. */
const isSilent = ({ client }: Wire, now: number) =>
  client !== undefined && client.keepalive > 0 && now - client.bucket.at > client.keepalive * 1500
