import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

const notTooMany = [1, 2, 5, 10, 20, 50, 100, 200, 500]
const delays = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

export type Metrics = ReturnType<typeof createMetrics>

/** What the hub counts of itself, for Prometheus. Nothing in it names a user, a device or a secret. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  const heartbeats = new Counter({ name: 'updraft_heartbeats_total', help: 'Heartbeats stored and answered', registers })
  const logged = new Counter({ name: 'updraft_log_entries_total', help: 'Entries stored in the logs of applications', registers })
  const imageBytes = new Counter({ name: 'updraft_image_bytes_total', help: 'Bytes of firmware images sent', registers })
  const buildBytes = new Counter({ name: 'updraft_build_bytes_total', help: 'Bytes of desktop builds sent', registers })
  const commits = new Histogram({
    name: 'updraft_commit_size',
    help: 'Reports of devices that were stored in one commit; its count is the number of commits',
    buckets: notTooMany,
    registers
  })
  const told = new Counter({
    name: 'updraft_notices_told_total',
    help: 'Notices sent to MQTT clients',
    labelNames: ['topic'],
    registers
  })
  const noticeDelay = new Histogram({
    name: 'updraft_notice_delay_seconds',
    help: 'From the recording of a change to its telling over MQTT',
    buckets: delays,
    registers
  })
  const refusals = new Counter({
    name: 'updraft_refusals_total',
    help: 'Requests and MQTT packets refused, by the way they came and the reason',
    labelNames: ['over', 'reason'],
    registers
  })
  const github = new Counter({
    name: 'updraft_github_answers_total',
    help: 'Questions to GitHub by their answer; quota: those that were not asked too, as it wants to be left alone',
    labelNames: ['answer'],
    registers
  })
  const assetBytes = new Counter({ name: 'updraft_asset_bytes_total', help: 'Bytes of release assets stored', registers })
  const loop = measureProcess(registry)

  return {
    /** Counts one heartbeat. */
    heartbeat: () => heartbeats.inc(),
    /** Counts entries of the logs of applications. */
    logged: (entries: number) => logged.inc(entries),
    /** Counts bytes of images. */
    imageSent: (bytes: number) => imageBytes.inc(bytes),
    /** Counts bytes of desktop builds. */
    buildSent: (bytes: number) => buildBytes.inc(bytes),
    /** Counts one commit of so many reports. */
    committed: (reports: number) => commits.observe(reports),
    /** Counts one notice told on a kind of topic, so many ms after it was recorded. */
    noticeTold(topic: string, ms: number) {
      told.inc({ topic })
      noticeDelay.observe(Math.max(0, ms) / 1000)
    },
    /** Counts one refusal. */
    refused: (over: 'http' | 'mqtt', reason: string) => refusals.inc({ over, reason }),
    /** Counts one question to GitHub by the kind of its answer. */
    githubAnswered: (answer: string) => github.inc({ answer }),
    /** Counts bytes of release assets that were fetched. */
    assetStored: (bytes: number) => assetBytes.inc(bytes),
    /** Shows a number that is asked for when somebody looks. */
    watch(name: string, help: string, read: () => number) {
      const collect = function (this: Gauge) {
        this.set(read())
      }
      registry.registerMetric(new Gauge({ name, help, registers: [], collect }))
    },
    /** Everything as Prometheus reads it, with its media type. */
    async page() {
      return { text: await registry.metrics(), type: registry.contentType }
    },
    stop: () => loop.disable()
  }
}

/** Memory, processor and the delay of the event loop, each as of the last look. */
function measureProcess(registry: Registry) {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  const seconds = (nanoseconds: number) => nanoseconds / 1e9
  const loop = new Gauge({
    name: 'updraft_event_loop_delay_seconds',
    help: 'How late the event loop was since the last look, by quantile',
    labelNames: ['quantile'],
    registers: [],
    collect() {
      this.set({ quantile: '0.5' }, seconds(delay.percentile(50)))
      this.set({ quantile: '0.99' }, seconds(delay.percentile(99)))
      this.set({ quantile: '1' }, seconds(delay.max))
      delay.reset()
    }
  })
  const memory = new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    registers: [],
    collect() {
      this.set(process.memoryUsage.rss())
    }
  })
  const processor = new Gauge({
    name: 'process_cpu_seconds_total',
    help: 'Processor time, user and system',
    registers: [],
    collect() {
      const { user, system } = process.cpuUsage()
      this.set((user + system) / 1e6)
    }
  })
  for (const gauge of [loop, memory, processor]) registry.registerMetric(gauge)
  return delay
}
