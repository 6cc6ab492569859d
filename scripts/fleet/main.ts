import { createProgress } from '../../src/lib/progress.ts'
import { type Crew, startCrew } from './crew.ts'
import type { Figures, HubFigures } from './figures.ts'
import { givenHub, type Hub, startHub } from './hub.ts'
import { raiseOpenFiles } from './open-files.ts'
import { help, type Options, readOptions } from './options.ts'
import { startProbe } from './probe.ts'
import { createRandom, randomBytes } from './random.ts'
import { reportOf } from './report.ts'
import { connectAll, deployment, storm } from './scenario.ts'
import { processorSeconds, watchVitals } from './vitals.ts'

const filesBesideDevices = 1000

const progress = createProgress()
const cleanUp = new AsyncDisposableStack()

try {
  const options = readOptions(process.argv.slice(2))
  if (options.help) console.log(help)
  else process.exitCode = await stoppedBySignals(() => simulate(options))
} catch (error) {
  progress.say(`The simulation failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await cleanUp.disposeAsync()
}
process.exit()

/** Does something; a signal ends it, and what has been started with it. */
async function stoppedBySignals(work: () => Promise<number>) {
  const stopped = Promise.withResolvers<number>()
  process.once('SIGINT', () => stopped.resolve(130))
  process.once('SIGTERM', () => stopped.resolve(143))
  return Promise.race([work(), stopped.promise])
}

async function simulate(options: Options) {
  await raiseOpenFiles(Math.ceil(options.devices * 1.1) + options.processes * options.downloads + filesBesideDevices)
  const hub = options.given ? givenHub(options.given) : await startHub(options.profile)
  cleanUp.defer(hub.stop)
  const figures = await measure(options, hub)
  console.log(reportOf(figures))
  if (options.json !== undefined) await Bun.write(options.json, `${JSON.stringify(figures, null, 2)}\n`)
  return figures.result.ok ? 0 : 1
}

async function measure(options: Options, hub: Hub): Promise<Figures> {
  const { devices, image: size, range, flap, loss, persistent, seed, processes, downloads, heartbeat } = options
  const user = await hub.user()
  const began = performance.now()
  const registered = await user.registerFleet(devices, (done) => progress.show('registering', { done, of: devices }))
  progress.clear()
  if (options.given) cleanUp.defer(() => user.removeFleet(devices, (done) => progress.show('deleting', { done, of: devices })))
  const registration = (performance.now() - began) / 1000

  const image = randomBytes(size, createRandom(seed, devices))
  const sha256 = new Bun.CryptoHasher('sha256').update(image).digest('hex')
  const setting = { http: hub.http, mqtt: hub.mqtt, team: user.team, sha256, range, downloads, loss, persistent, heartbeat, seed }
  const crew = await startCrew(setting, registered, processes)
  cleanUp.defer(crew.stop)
  const hubFigures = await watchHub(hub, crew)
  const stage = { options, hub, user, crew, progress }
  const connecting = await connectAll(stage)
  const settled = await hubFigures.connected()
  const result = options.storm ? await storm(stage) : await deployment(stage, image)
  return {
    devices,
    image: size,
    range,
    flap,
    loss,
    persistent,
    seed,
    processes,
    registration,
    connecting,
    result,
    hub: await settled.figures(),
    counts: crew.counts(),
    reasons: crew.reasons()
  }
}

/** Measures the hub: its memory from now on, and from `connected` on its delays. */
async function watchHub(hub: Hub, crew: Crew) {
  const vitals = await watchVitals(hub.pid)
  cleanUp.defer(vitals.stop)
  const probe = startProbe(hub.http)
  cleanUp.defer(probe.stop)
  return {
    async connected() {
      const rssConnected = await vitals.resident()
      const processorBefore = await processorSeconds(hub.pid)
      probe.delays()
      crew.late()
      return {
        async figures(): Promise<HubFigures> {
          const processor = await processorSeconds(hub.pid)
          return {
            rssBefore: vitals.before,
            rssConnected,
            rssPeak: vitals.peak(),
            processor: processor === undefined ? undefined : processor - (processorBefore ?? 0),
            health: probe.delays(),
            devicesLate: crew.late(),
            complaints: hub.complaints()
          }
        }
      }
    }
  }
}
