import type { MqttLimits } from '../limits.ts'
import { isSignedIn, type Wire } from '../wire.ts'
import { Refusal } from './refusals.ts'

const looksAtLeastEvery = 500
const looks = 4

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
    if (isLate(wire, now)) return new Refusal('sign_in_timeout', 'no CONNECT in time')
    if (isSilent(wire, now)) return new Error('keep alive timeout')
    if (now - wire.blockedSince > limits.stalledFor) return new Refusal('stalled', 'takes nothing of what it is sent')
    return undefined
  }

  /** One whose CONNECT is looked at is answered in time by who looks at it. */
  const isLate = (wire: Wire, now: number) =>
    !isSignedIn(wire) && wire.client?.connecting !== true && now - wire.since > limits.signInWithin

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

/** Whether a client has sent no packet for one and a half times as long as it said it would. */
const isSilent = ({ client }: Wire, now: number) =>
  client !== undefined && client.keepalive > 0 && now - client.bucket.at > client.keepalive * 1500
