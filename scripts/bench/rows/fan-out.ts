import { setTimeout as after } from 'node:timers/promises'
import { createMqttLoad, firstOf, type Told } from '../load/mqtt.ts'
import type { Row, Sample, Side } from '../measure/row.ts'
import { medians } from '../measure/statistics.ts'
import { cpuSeconds, tooFewFiles } from '../measure/usage.ts'
import { signIn, startHub } from '../servers/hub.ts'
import { mosquittoMissing, startMosquitto } from '../servers/mosquitto.ts'
import type { Server } from '../servers/server.ts'
import type { Workplace } from '../workplace.ts'

const devices = 5000
const atOnce = 100
const rest = 300
const perRound = 5

type Load = ReturnType<typeof createMqttLoad>
type Telling = { port: number; tell: (load: Load) => Promise<Told> }

/** A broker with every device connected; a round tells them all a few times. What a first round compiles does not count. */
async function side(workplace: Workplace, server: Server, { port, tell }: Telling): Promise<Side> {
  const load = createMqttLoad(workplace)
  await load.connect({ port, numbers: firstOf(devices), atOnce })

  async function once(): Promise<Sample> {
    await after(rest) // what the last one left to do is done
    const before = cpuSeconds(server.pid)
    const { ms, p50, p99 } = await tell(load)
    return { time: ms, p50, p99, cpu: ((cpuSeconds(server.pid) - before) / devices) * 1e6 }
  }

  async function measure() {
    const samples: Sample[] = []
    for (let i = 0; i < perRound; i += 1) samples.push(await once())
    return medians(samples)
  }

  await measure()
  return { measure }
}

/** A notice to a whole fleet. */
export const fanOut: Row = {
  name: 'fan-out',
  title: `one deployment told to ${devices.toLocaleString('en')} connected devices, until the last PUBACK`,
  against: `mosquitto delivering ${devices.toLocaleString('en')} separate messages at QoS 1`,
  figures: [
    { name: 'time', what: 'until the last', unit: 'ms', better: 'less', bars: { of: 'ratio', floor: 1.5, reach: 1.1 } },
    { name: 'p50', what: 'p50', unit: 'ms', better: 'less' },
    { name: 'p99', what: 'p99', unit: 'ms', better: 'less' },
    { name: 'cpu', what: 'CPU time each', unit: 'µs', better: 'less' }
  ],
  obstacle: () => mosquittoMissing() ?? tooFewFiles(devices + 200),
  async open({ workplace, say }) {
    const hub = await startHub(workplace, { devices })
    const mosquitto = await startMosquitto(workplace)
    const token = await signIn(hub)
    say(`connecting twice ${devices} devices`)
    const [{ port, mqttPort }, numbers] = [hub, firstOf(devices)]
    return {
      hub: await side(workplace, hub, { port: mqttPort, tell: (load) => load.deploy(port, token) }),
      peer: await side(workplace, mosquitto, {
        port: mosquitto.port,
        tell: (load) => load.publish({ port: mosquitto.port, numbers })
      })
    }
  }
}
