import type { Connection } from 'aedes'

const looks = 4

type Needs = {
  streams: Iterable<Connection>
  /** How long, in ms, a connection may take nothing of what it is sent. */
  stalledFor: number
  cutOff(stream: Connection): void
}

/**
 * Ends connections that take nothing of what they are sent. One without a keep-alive may be silent for as long as it
 * likes [MQTT-3.1.2-24], but a frozen one would hold its buffers for ever. Gives the way to stop.
 */
export function watchStalls({ streams, stalledFor, cutOff }: Needs) {
  const waiting = new WeakMap<Connection, { length: number; looks: number }>()

  function isStalled(stream: Connection) {
    const length = stream.writableLength
    const before = waiting.get(stream)
    const isStuck = before !== undefined && length >= before.length
    waiting.set(stream, { length, looks: isStuck ? before.looks + 1 : 0 })
    return isStuck && before.looks + 1 >= looks
  }

  function look() {
    for (const stream of streams) {
      if (stream.writableLength === 0) waiting.delete(stream)
      else if (isStalled(stream)) cutOff(stream)
    }
  }

  const timer = setInterval(look, stalledFor / looks)
  timer.unref()
  return () => clearInterval(timer)
}
