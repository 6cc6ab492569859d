import { ConfigError, describeConfig, readConfig } from './config.ts'
import { createLog } from './lib/log.ts'
import { type RunningHub, runHub } from './run.ts'

const longestStop = 9000

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(['Updraft, a realtime update hub. It is configured by environment variables:', '', ...describeConfig()].join('\n'))
  process.exit(0)
}

const config = readOrExit()
const log = createLog(config.logLevel)
const running = await runHub({ config, log }).catch((error: unknown) => {
  console.error(`Updraft cannot start: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
})
greet(running)

const hurry = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(running, signal))
process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))
process.on('uncaughtException', (error) => {
  log.fatal({ err: error }, 'uncaught exception')
  process.exit(1)
})

function readOrExit() {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(`Updraft cannot start, the configuration is wrong:\n${error.message}\n\nSee --help.`)
    process.exit(1)
  }
}

function greet({
  ports,
  admin,
  hub: {
    address,
    config: { host }
  }
}: RunningHub) {
  const base = address()
  const lines = [
    `HTTP        ${base}`,
    `Swagger UI  ${base}/swagger`,
    `MQTT        mqtt://${host}:${ports.mqtt}`,
    ...(ports.mqtts ? [`MQTT, TLS   mqtts://${host}:${ports.mqtts}`] : []),
    `MQTT, web   ${base.replace(/^http/, 'ws')}/mqtt`,
    ...(admin
      ? [`First administrator: ${admin.email}${admin.password ? `, password ${admin.password} (shown only now)` : ''}`]
      : [])
  ]
  console.log(['Updraft is up.', ...lines.map((line) => `  ${line}`)].join('\n'))
}

/** Ends the process with 0 once its clients have been let go and everything is closed, and in any case in time for whoever sent the signal. */
async function stop(hub: RunningHub, signal: string) {
  if (hub.hub.phase() === 'draining') return hurry.abort() // whoever says so again does not want to wait
  const { drainTime } = hub.hub.config
  log.info({ signal, drainTime }, 'stopping')
  await hub.drain(drainTime, hurry.signal)
  setTimeout(() => process.exit(0), longestStop).unref()
  await hub.stop()
  process.exit(0)
}
