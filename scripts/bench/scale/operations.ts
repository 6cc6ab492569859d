import { httpLoad } from '../load/http.ts'
import { createMqttLoad, type MqttLoad } from '../load/mqtt.ts'
import type { Requests } from '../load/requests.ts'
import type { Sample } from '../measure/row.ts'
import { median } from '../measure/statistics.ts'
import { cpuSeconds } from '../measure/usage.ts'
import { heartbeats } from '../rows/heartbeat.ts'
import { imageRanges } from '../rows/images.ts'
import type { HubServer } from '../servers/hub.ts'
import type { Workplace } from '../workplace.ts'

const connections = 32
const visitors = 100
const visits = 20

export type Site = { workplace: Workplace; hub: HubServer; devices: number; imageSize: number; seconds: number }

/** What is measured at every size; each round gives the CPU time of one in µs and the median latency in ms. */
export type Operation = { name: string; measure(site: Site): Promise<Sample> }

async function underHttp({ workplace, hub, seconds }: Site, requests: Requests, status: number) {
  const before = cpuSeconds(hub.pid)
  const outcome = await httpLoad(workplace, { port: hub.port, connections, seconds, requests, status })
  if (outcome.wrong > 0) throw new Error(`${outcome.wrong} wrong answers, such as: ${outcome.example}`)
  return { cpu: ((cpuSeconds(hub.pid) - before) / outcome.answered) * 1e6, p50: outcome.p50 }
}

/** Lets every device ask once: a hub that has been up for a while has heard of them all. */
export async function hearOfEach({ workplace, hub, devices, imageSize }: Site) {
  const requests = imageRanges(devices, imageSize)
  const { wrong, example } = await httpLoad(workplace, { port: hub.port, connections, seconds: 'once', requests, status: 206 })
  if (wrong > 0) throw new Error(`${wrong} wrong answers, such as: ${example}`)
}

/** Devices from all over the fleet come, sign in, subscribe, are told what to run, and go, a hundred at a time. */
async function visit({ workplace, hub, devices }: Site) {
  const load = createMqttLoad(workplace)
  const before = cpuSeconds(hub.pid)
  const times: number[] = []
  for (let turn = 0; turn < visits; turn += 1) times.push(await oneVisit(load, { port: hub.mqttPort, devices, turn }))
  await load.stop()
  return { cpu: ((cpuSeconds(hub.pid) - before) / (visitors * visits)) * 1e6, p50: median(times) }
}

async function oneVisit(load: MqttLoad, { port, devices, turn }: { port: number; devices: number; turn: number }) {
  const stride = devices / visitors
  const numbers = Array.from({ length: visitors }, (_, i) => 1 + Math.floor(i * stride) + (turn % stride))
  const { p50 } = await load.connect({ port, numbers, atOnce: 10 })
  await load.drop()
  return p50 / (visitors / 2)
}

/** Every hot path, from any device of the fleet. */
export const operations: Operation[] = [
  { name: 'heartbeat with a log line', measure: (site) => underHttp(site, heartbeats(site.devices), 200) },
  { name: 'image range of 4 KiB', measure: (site) => underHttp(site, imageRanges(site.devices, site.imageSize), 206) },
  { name: 'connect, sign in, subscribe', measure: visit }
]
