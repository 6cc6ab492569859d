import type { IPublishPacket } from 'mqtt-packet'
import { quantile } from '../measure/statistics.ts'
import type { Connected, Connecting, Told } from './mqtt.ts'
import { createDevice, type Device, type Events } from './mqtt-client.ts'

const patience = 120_000

type Listener = (device: Device) => void

export type Fleet = ReturnType<typeof createFleet>

/** Devices by the thousand in one process; they connect, are told of deployments, and go. */
export function createFleet() {
  let devices: Device[] = []
  let onReady: Listener = () => {}
  let onTold: (device: Device, id: number) => void = () => {}
  let newest = 0
  let retries = 0
  let reason = ''

  const events: Events = {
    ready: (device) => onReady(device),
    publish(device, { topic, payload }: IPublishPacket) {
      if (!topic.endsWith('/deployment') || payload.length === 0) return
      onTold(device, (JSON.parse(payload.toString()) as { id: number }).id)
    },
    retried(why) {
      retries += 1
      reason = why
    }
  }

  /** Waits until each device has given `mark` a sign; gives the times in ms since `began`, sorted. */
  async function untilAll(count: number, began: number, listen: (mark: Listener) => void) {
    const times = new Map<number, number>()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const short = () => reject(new Error(`${times.size} of ${count} devices within ${patience / 1000} s; ${reason}`))
    const timer = setTimeout(short, patience)
    listen(({ number }) => {
      if (!times.has(number)) times.set(number, performance.now() - began)
      if (times.size === count) resolve()
    })
    await promise.finally(() => clearTimeout(timer))
    return Float64Array.from(times.values()).toSorted()
  }

  const summary = (times: Float64Array) => ({ ms: times.at(-1) ?? 0, p50: quantile(times, 0.5), p99: quantile(times, 0.99) })

  return {
    /** Connects devices, so many of them at once, and subscribes each to its topics. */
    async connect({ port, numbers, atOnce }: Connecting): Promise<Connected> {
      retries = 0
      devices = numbers.map((number) => createDevice(number, port, events))
      const waiting = devices.toReversed()
      const began = performance.now()
      const times = untilAll(devices.length, began, (mark) => {
        onReady = (device) => {
          mark(device)
          waiting.pop()?.connect()
        }
      })
      for (const device of waiting.splice(-atOnce)) device.connect()
      return { ...summary(await times), retries }
    },

    /** Does what has each device told of something new; gives the time until the last has acknowledged it. */
    async tell(cause: (after: number) => unknown): Promise<Told> {
      const before = newest
      const began = performance.now()
      const times = untilAll(devices.length, began, (mark) => {
        onTold = (device, id) => {
          newest = Math.max(newest, id)
          if (id > before) mark(device)
        }
      })
      await Promise.all([times, cause(before)])
      return summary(await times)
    },

    /** All connections break at once. */
    drop() {
      for (const device of devices) device.drop()
      devices = []
    }
  }
}
