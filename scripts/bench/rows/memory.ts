import { setTimeout as after } from 'node:timers/promises'
import { createMqttLoad, firstOf } from '../load/mqtt.ts'
import type { Row } from '../measure/row.ts'
import { residentKb, tooFewFiles } from '../measure/usage.ts'
import { startScript } from '../servers/bare.ts'
import { startHub } from '../servers/hub.ts'
import type { Workplace } from '../workplace.ts'

const devices = 5000
const warmUp = 1000
const settling = 20_000 // ms; by then the collector has come by itself for what connecting has left behind
const atOnce = 100

type Broker = { pid: number; mqttPort: number; stop(): Promise<void> }

/** What a connection adds to a broker that has had some before: with what it needs once, and garbage, left out. */
async function perConnection(workplace: Workplace, broker: Broker) {
  const load = createMqttLoad(workplace)
  await load.connect({ port: broker.mqttPort, numbers: firstOf(warmUp), atOnce })
  await load.drop()
  const before = await settled(broker.pid)
  await load.connect({ port: broker.mqttPort, numbers: firstOf(devices), atOnce })
  const memory = ((await settled(broker.pid)) - before) / devices
  await load.stop()
  await broker.stop()
  return { memory }
}

/** The least memory that a process has while nothing happens. */
async function settled(pid: number) {
  const sizes: number[] = []
  for (const end = performance.now() + settling; performance.now() < end; await after(200)) sizes.push(residentKb(pid))
  return Math.min(...sizes)
}

/** Every round has a server of its own: memory once taken is not always given back. */
export const memory: Row = {
  name: 'memory',
  title: `resident memory per idle device connection, ${devices.toLocaleString('en')} of them with two subscriptions each`,
  against: 'Aedes as it comes, on Bun',
  figures: [{ name: 'memory', what: 'a connection', unit: 'kB', better: 'less', bars: { of: 'hub', floor: 14, reach: 12 } }],
  obstacle: () => tooFewFiles(devices + 200),
  async open({ workplace }) {
    return {
      hub: { measure: async () => perConnection(workplace, await startHub(workplace, { devices })) },
      peer: {
        async measure() {
          const { port: mqttPort, ...aedes } = await startScript(workplace, 'aedes-server.ts')
          return perConnection(workplace, { ...aedes, mqttPort })
        }
      }
    }
  }
}
