import { describe, test } from 'bun:test'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runHub } from '../../src/run.ts'
import { startBalancer } from './balancer.ts'
import { freshBucket, s3Env, s3Server } from './s3.ts'

/** How many hubs each test's hub is made of; more than one stand behind HAProxy, on one database. */
export const hubsPerTest = Number(process.env.UPDRAFT_TEST_HUBS ?? 1)

/** A test of what each hub has by itself, such as its limits on tries and its metrics; left out where there are several. */
export const onOneHub = hubsPerTest > 1 ? (_name: string, _test: () => Promise<unknown>) => {} : test

/** A group of such tests. */
export const describeOnOneHub = hubsPerTest > 1 ? (_name: string, _tests: () => void) => {} : describe

/** What hubs that share their bytes are configured by, beside the rest. */
export async function sharedBytes() {
  if (hubsPerTest === 1 || !s3Server) return {}
  const { settings } = await freshBucket()
  return s3Env({ ...s3Server, bucket: settings.bucket })
}

type Options = Parameters<typeof runHub>[0]

/** A hub as a test has it: one, or as many as this run says behind a load balancer. */
export async function balanced(options: Options) {
  if (hubsPerTest === 1 || options.config.databaseUrl === undefined) {
    const only = await runHub(options)
    return { ...only, dataDirs: [options.config.dataDir], agreed: async () => {}, settled: only.hub.clients.settled }
  }
  const folder = await mkdtemp(join(tmpdir(), 'updraft-hubs-'))
  const hubs = [await runHub(options)]
  for (let n = 1; n < hubsPerTest; n++) {
    const dataDir = join(folder, String(n))
    await mkdir(dataDir)
    hubs.push(await runHub({ ...options, config: { ...options.config, dataDir, port: 0, mqttPort: 0 } }))
  }
  const balancer = await startBalancer(hubs.map(({ ports: { http, mqtt } }) => ({ http, mqtt })))
  const [first] = hubs
  if (!first) throw new Error('no hub')
  const heard = hubs.map(() => 0)
  const news = new Set<() => void>()
  hubs.forEach(({ hub }, n) =>
    hub.notices.listen(({ seq }) => {
      heard[n] = seq
      for (const hear of news) hear()
      news.clear()
    })
  )
  heard.fill(await first.hub.notices.latest())

  return {
    ...first,
    dataDirs: hubs.map(({ hub }) => hub.config.dataDir),
    ports: { ...first.ports, ...balancer.ports },
    /** Resolves when every hub has heard of what is committed by now. */
    async agreed() {
      const latest = await first.hub.notices.latest()
      while (heard.some((seq) => seq < latest)) await new Promise<void>((resolve) => news.add(resolve))
    },
    /** Resolves when what clients have been seen at is stored. */
    settled: async () => void (await Promise.all(hubs.map(({ hub }) => hub.clients.settled()))),
    async stop() {
      await balancer[Symbol.asyncDispose]()
      for (const hub of hubs.toReversed()) await hub.stop()
      await rm(folder, { recursive: true, force: true })
    }
  }
}
