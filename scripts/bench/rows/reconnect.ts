import { setTimeout as after } from 'node:timers/promises'
import { httpLoad } from '../load/http.ts'
import { createMqttLoad, firstOf, type MqttLoad } from '../load/mqtt.ts'
import type { Row } from '../measure/row.ts'
import { cpuSeconds, tooFewFiles } from '../measure/usage.ts'
import { type HubServer, startHub } from '../servers/hub.ts'
import type { Workplace } from '../workplace.ts'
import { heartbeats } from './heartbeat.ts'

const devices = 10_000
const atOnce = 100
const rest = 1000
const beating = { connections: 16, seconds: 10, pause: 50 } // some 300 a second, from before until after

/** Breaks all connections at once, and has all devices come back at once, while heartbeats go on over HTTP. */
async function storm(workplace: Workplace, hub: HubServer, load: MqttLoad) {
  await hub.lateness()
  const before = cpuSeconds(hub.pid)
  const beats = httpLoad(workplace, { ...beating, port: hub.port, requests: heartbeats(devices), status: 200 })
  await after(rest)
  await load.drop()
  const { ms, p50, retries } = await load.connect({ port: hub.mqttPort, numbers: firstOf(devices), atOnce: devices })
  const { wrong, p99, worst } = await beats
  const late = await hub.lateness()
  const cpu = ((cpuSeconds(hub.pid) - before) / devices) * 1e6
  return { back: ms / 1000, half: p50 / 1000, retries, refused: wrong, late, p99, worst, cpu }
}

/** After a power cut. */
export const reconnect: Row = {
  name: 'reconnect',
  title: `${devices.toLocaleString('en')} devices dropped and reconnecting at once, until each has subscribed`,
  against: undefined,
  figures: [
    { name: 'back', what: 'all back', unit: 's', better: 'less', bars: { of: 'hub', floor: 20, reach: 5 } },
    { name: 'half', what: 'half of them back', unit: 's', better: 'less' },
    { name: 'retries', what: 'turned away', unit: '', better: 'less' },
    { name: 'refused', what: 'heartbeats refused', unit: '', better: 'less', bars: { of: 'hub', floor: 0, reach: 0 } },
    { name: 'late', what: 'event loop late', unit: 'ms', better: 'less', bars: { of: 'hub', floor: 250, reach: 100 } },
    { name: 'p99', what: 'heartbeat p99', unit: 'ms', better: 'less' },
    { name: 'worst', what: 'heartbeat worst', unit: 'ms', better: 'less' },
    { name: 'cpu', what: 'CPU time each', unit: 'µs', better: 'less' }
  ],
  obstacle: () => tooFewFiles(devices + 200),
  async open({ workplace, say }) {
    const hub = await startHub(workplace, { devices }, { probed: true })
    const load = createMqttLoad(workplace)
    say(`connecting ${devices} devices`)
    await load.connect({ port: hub.mqttPort, numbers: firstOf(devices), atOnce })
    return { hub: { measure: () => storm(workplace, hub, load) } }
  }
}
