import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/lib/log.ts'
import { runHub } from '../../src/run.ts'
import { administrator } from './administrator.ts'
import { playDesktop } from './desktop.ts'
import { makeFirmwares } from './firmware.ts'
import { createFleet } from './fleet.ts'
import { playGithub } from './github.ts'
import { createJournal, ensure, readable } from './journal.ts'
import { playLogging } from './logging.ts'
import { playRegistry } from './registry.ts'
import { playReleases } from './releases.ts'
import { play } from './scenario.ts'
import { playUpstream, prepareUpstream } from './upstream.ts'

const help = `Shows the hub at work: bun run demo

Compiles firmware for an ESP8266, starts a hub of its own with its data in a temporary folder, and deploys three
versions to three simulated devices: one speaks MQTT, one HTTP/1.0 by hand, one MQTT over WebSocket. Then a
pipeline publishes builds by API key, and two desktop clients, one told over MQTT and one that asks over HTTP, fetch,
run and report them. An administrator makes an application, a program logs by its key, and the log is followed and
verified. A release appears at a GitHub that is played on this machine, and two users are told who watch the repo; a
package is published with an archive, and followed by a command-line client. Where Podman and the compiler are, a
fourth version is built from source in a container, and a fifth is released upstream and reaches the devices, and two
desktop clients, by itself.
All of it goes through HTTP and MQTT on the loopback interface, on free ports. Each event is shown with its delay since
what caused it. Ends by itself: 0 when every byte and every notice was right, 1 otherwise.

  --shipped  take the image that comes with the demo, even where the compiler is
  --help     show this`

async function run(shipped: boolean) {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-demo-'))
  const clean = () => rmSync(folder, { recursive: true, force: true })
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143]
  ] as const) {
    process.once(signal, () => {
      clean()
      process.exit(exitCode)
    })
  }
  try {
    await demonstrate(folder, shipped)
  } finally {
    clean()
  }
}

async function demonstrate(folder: string, shipped: boolean) {
  const journal = createJournal()
  await using upstream = shipped ? undefined : await prepareUpstream((line) => console.log(line))
  const versions = upstream ? [1, 2, 3, 4, 5] : [1, 2, 3]
  const firmwares = await makeFirmwares(versions, { folder, shipped, say: (line) => console.log(line) })
  const [first, second, third, built, released] = firmwares
  ensure(first !== undefined && second !== undefined && third !== undefined, 'three versions are needed')
  const { email, password } = administrator
  const account = { ADMIN_EMAIL: email, ADMIN_PASSWORD: password }
  await using github = playGithub()
  const variables = { DATA_DIR: join(folder, 'data'), PORT: '0', MQTT_PORT: '0', LOG_LEVEL: 'warn', ...account }
  const config = readConfig({ ...variables, GITHUB_API_URL: github.url, REPO_POLL_INTERVAL: '1s', ...upstream?.variables })
  const running = await runHub({ config, log: createLog(config.logLevel) })
  try {
    console.log(`A hub is up: HTTP on port ${running.ports.http}, MQTT on port ${running.ports.mqtt}`)
    const began = performance.now()
    await using fleet = await createFleet({ ports: running.ports, journal, sources: firmwares })
    await play({ fleet, journal }, [first, second, third])
    const { http, mqtt } = running.ports
    const [base, broker] = [`http://127.0.0.1:${http}`, `mqtt://127.0.0.1:${mqtt}`]
    await playDesktop({ base, broker, folder, journal, user: fleet.user })
    await playLogging({ base, journal })
    await playReleases({ base, broker, github, journal })
    await playRegistry({ ports: running.ports, journal })
    const reached = { base, broker, folder }
    if (upstream && built && released) await playUpstream({ fleet, journal, github, reached }, { built, released })
    const { events, bytesChecked } = journal.totals()
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    console.log(`\nAll is well: ${events} events, ${readable(bytesChecked)} bytes checked, in ${seconds} s`)
  } finally {
    await running.stop()
  }
}

try {
  const { values } = parseArgs({ options: { shipped: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
  if (values.help) console.log(help)
  else await run(values.shipped === true)
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
