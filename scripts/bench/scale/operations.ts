import { httpLoad } from '../load/http.ts'
import { createMqttLoad, type MqttLoad } from '../load/mqtt.ts'
import type { Requests } from '../load/requests.ts'
import type { Sample } from '../measure/row.ts'
import { median } from '../measure/statistics.ts'
import { cpuSeconds } from '../measure/usage.ts'
import { heartbeats } from '../rows/heartbeat.ts'
import { imageRanges } from '../rows/images.ts'
import type { HubServer } from '../servers/hub.ts'
import type { Server } from '../servers/server.ts'
import type { Workplace } from '../workplace.ts'

const connections = 32
const visitors = 100
const visits = 60

/** A hub with so many devices, and beside it a bare server that finds as many in a Map. */
export type Site = {
  workplace: Workplace
  hub: HubServer
  bare: Server
  devices: number
  imageSize: number
  seconds: number
}

type Load = { requests: Requests; status: number }

/** What is measured at every size; each round gives the CPU time of one in µs and the median latency in ms. */
export type Operation = { name: string; measure(site: Site): Promise<Sample> }

async function underHttp({ workplace, seconds }: Site, { pid, port }: Server, load: Load) {
  const before = cpuSeconds(pid)
  const outcome = await httpLoad(workplace, { port, connections, seconds, ...load })
  if (outcome.wrong > 0) throw new Error(`${outcome.wrong} wrong answers, such as: ${outcome.example}`)
  return { cpu: ((cpuSeconds(pid) - before) / outcome.answered) * 1e6, p50: outcome.p50 }
}

const reports = ({ devices }: Pick<Site, 'devices'>): Load => ({ requests: heartbeats(devices), status: 200 })
const ranges = ({ devices, imageSize }: Pick<Site, 'devices' | 'imageSize'>): Load => ({
  requests: imageRanges(devices, imageSize),
  status: 206
})

/** Lets every device ask and report once: a hub that has been up for a while has heard of them all. */
export async function hearOfEach({ workplace, hub, ...site }: Site) {
  for (const load of [ranges(site), reports(site)]) {
    const { wrong, example } = await httpLoad(workplace, { port: hub.port, connections, seconds: 'once', ...load })
    if (wrong > 0) throw new Error(`${wrong} wrong answers, such as: ${example}`)
  }
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

/** What a device is found by costs more in a larger fleet even where nothing else is done: of that, the first says how much. */
export const operations: Operation[] = [
  {
    name: 'bare Bun.serve that finds the device in a Map',
    measure: (site) => underHttp(site, site.bare, { ...ranges(site), status: 200 })
  },
  { name: 'heartbeat with a log line', measure: (site) => underHttp(site, site.hub, reports(site)) },
  { name: 'image range of 4 KiB', measure: (site) => underHttp(site, site.hub, ranges(site)) },
  { name: 'connect, sign in, subscribe', measure: visit }
]
