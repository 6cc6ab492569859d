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
import { createJournal, ensure, readable } from './journal.ts'
import { playLogging } from './logging.ts'
import { play } from './scenario.ts'

const help = `Shows the hub at work: bun run demo

Compiles firmware for an ESP8266, starts a hub of its own with its data in a temporary folder, and deploys three
versions to three simulated devices: one speaks MQTT, one HTTP/1.0 by hand, one MQTT over WebSocket. Then a
pipeline publishes builds by API key, and two desktop clients, one told over MQTT and one that asks over HTTP, fetch,
run and report them. Then an administrator makes an application, a program logs by its key, and the log is followed
and verified. All of it goes through HTTP and MQTT on the loopback interface, on free ports. Each event is shown with
its delay since the request that caused it. Ends by itself: 0 when every byte and every notice was right, 1 otherwise.

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
  const [first, second, third] = await makeFirmwares([1, 2, 3], { folder, shipped, say: (line) => console.log(line) })
  ensure(first !== undefined && second !== undefined && third !== undefined, 'three versions are needed')
  const { email, password } = administrator
  const account = { ADMIN_EMAIL: email, ADMIN_PASSWORD: password }
  const config = readConfig({ DATA_DIR: join(folder, 'data'), PORT: '0', MQTT_PORT: '0', LOG_LEVEL: 'warn', ...account })
  const running = await runHub({ config, log: createLog(config.logLevel) })
  try {
    console.log(`A hub is up: HTTP on port ${running.ports.http}, MQTT on port ${running.ports.mqtt}`)
    const began = performance.now()
    await using fleet = await createFleet({ ports: running.ports, journal, sources: [first, second, third] })
    await play({ fleet, journal }, [first, second, third])
    const base = `http://127.0.0.1:${running.ports.http}`
    await playDesktop({ base, broker: `mqtt://127.0.0.1:${running.ports.mqtt}`, folder, journal, user: fleet.user })
    await playLogging({ base, journal })
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
