import { fileURLToPath } from 'node:url'
import type { Registered } from './device.ts'
import { type News, noCounts, sumOf, type Told } from './tally.ts'
import type { Order, Setting, Word } from './world.ts'

const worker = fileURLToPath(new URL('worker.ts', import.meta.url))

export type Crew = Awaited<ReturnType<typeof startCrew>>

/** The processes that the devices are in, seen as one. Await `stop` at the end. */
export async function startCrew(setting: Setting, devices: Registered[], processes: number) {
  const members = Array.from({ length: processes }, startMember)
  const told: Told[] = []
  const runs: number[] = []
  let late = 0
  for (const { heard } of members) {
    heard.on = (news) => {
      told.push(...news.told)
      runs.push(...news.runs)
      late = Math.max(late, news.late)
    }
  }
  await Promise.all(members.map(({ up }) => up))
  for (const [i, { child }] of members.entries()) {
    child.send({ do: 'prepare', setting, devices: devices.filter(({ index }) => index % processes === i) } satisfies Order)
  }
  const latest = () => members.flatMap(({ heard: { news } }) => news ?? [])

  return {
    /** Tells all processes to do something. */
    order(order: Order) {
      for (const { child } of members) child.send(order)
    },
    /** When devices were told over MQTT. */
    told: (): readonly Told[] => told,
    /** When the hub had stored of devices that they run the image. */
    runs: (): readonly number[] => runs,
    /** What all devices have counted together. */
    counts: () =>
      sumOf(
        latest().map(({ counts }) => counts),
        noCounts()
      ),
    /** What went wrong how often. */
    reasons: () =>
      sumOf(
        latest().map(({ reasons }) => reasons),
        {}
      ),
    /** When a device was last ready. */
    readyAt: () => Math.max(...latest().map(({ readyAt }) => readyAt)),
    /** By how many ms a process of devices was late at most since this was last asked. */
    late() {
      const worst = late
      late = 0
      return worst
    },
    /** The first process that has ended by itself, as a sentence. */
    failure: () => (members.some(({ child }) => hasEnded(child)) ? 'A process of devices has ended by itself' : undefined),
    /** Ends them all. */
    async stop() {
      for (const { child } of members) child.kill()
      await Promise.all(members.map(({ child }) => child.exited))
    }
  }
}

const hasEnded = ({ exitCode, signalCode }: Bun.Subprocess) => exitCode !== null || signalCode !== null

function startMember() {
  const { promise: up, resolve, reject } = Promise.withResolvers<void>()
  const heard: { news: News | undefined; on(news: News): void } = { news: undefined, on() {} }
  const child = Bun.spawn([process.execPath, worker], {
    stdio: ['ignore', 'inherit', 'inherit'],
    ipc(word: Word) {
      if (word === 'up') return resolve()
      heard.news = word
      heard.on(word)
    }
  })
  void child.exited.then(() => reject(new Error('A process of devices did not start'))) // of no effect once it is up
  return { child, up, heard }
}
