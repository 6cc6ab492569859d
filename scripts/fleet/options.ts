import { parseArgs } from 'node:util'
import { parseBytes, parseDuration } from '../../src/lib/text.ts'

export const help = `Simulates a fleet of devices: bun run fleet --devices 10000 --image 512k --flap 5% --loss 2%

Starts a hub of its own as a process of its own, with its data in a temporary folder, and registers the devices over its
HTTP API. The devices connect over MQTT from other processes; then one random image is deployed to all of them. Each is told,
downloads it by ranges, checks its SHA-256 and reports that it runs. At the end it prints how long that took and what
it cost the hub. Ends with 0 when 99 % run the image, every image was right and the hub knows of each; 1 otherwise.

  --devices <n>        how many devices (1000)
  --image <size>       size of the image (512k)
  --range <size>       bytes that a device asks for at once (4096)
  --downloads <n>      downloads under way at once in each process of devices (64)
  --flap <share>       share of the devices that drops its connection every second, without DISCONNECT (0%)
  --loss <share>       share of the notices that a device does not hear, and of the ranges that break off (0%)
  --persistent <share> share of the devices whose MQTT session is persistent (20%)
  --heartbeat <time>   between two heartbeats of a device (30s)
  --processes <n>      processes that the devices are spread over (2)
  --seed <n>           of every random choice (1)
  --until <share>      end when that share runs the image (100%)
  --timeout <time>     or after that long (300s)
  --storm              instead of a deployment: drop all devices at once and let them come back at once, each with a heartbeat
  --hub <url>          use the hub there, not one of its own; what was made in it is deleted at the end
  --mqtt <host:port>   where that hub listens for MQTT (port 1883 of its host)
  --token <token>      access token of a user of that hub
  --cpu-prof <folder>  write a CPU profile of the hub there
  --json <file>        write the figures there
  --help               show this`

export type Options = ReturnType<typeof readOptions>

/** Reads the command line; throws a sentence for what makes no sense. */
export function readOptions(args: string[]) {
  const { values } = parseArgs({ args, options: known })
  const { hub, token } = values
  if ((hub === undefined) !== (token === undefined)) throw new Error('--hub and --token go together')
  return {
    help: values.help === true,
    storm: values.storm === true,
    devices: count('devices', values.devices),
    image: size('image', values.image),
    range: size('range', values.range),
    downloads: count('downloads', values.downloads),
    flap: share('flap', values.flap),
    loss: share('loss', values.loss),
    persistent: share('persistent', values.persistent),
    heartbeat: time('heartbeat', values.heartbeat),
    processes: count('processes', values.processes),
    seed: count('seed', values.seed),
    until: share('until', values.until),
    timeout: time('timeout', values.timeout),
    given: hub !== undefined && token !== undefined ? { hub: hub.replace(/\/+$/, ''), token, mqtt: values.mqtt } : undefined,
    profile: values['cpu-prof'],
    json: values.json
  }
}

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const
const optional = { type: 'string' } as const
const flag = { type: 'boolean' } as const

const known = {
  devices: text('1000'),
  image: text('512k'),
  range: text('4096'),
  downloads: text('64'),
  flap: text('0%'),
  loss: text('0%'),
  persistent: text('20%'),
  heartbeat: text('30s'),
  processes: text('2'),
  seed: text('1'),
  until: text('100%'),
  timeout: text('300s'),
  storm: flag,
  hub: optional,
  mqtt: optional,
  token: optional,
  'cpu-prof': optional,
  json: optional,
  help: { type: 'boolean', short: 'h' }
} as const

function count(name: string, given: string) {
  if (!/^[1-9]\d{0,6}$/.test(given)) throw new Error(`--${name} must be a number from 1 on, not ${given}`)
  return Number(given)
}

function size(name: string, given: string) {
  const bytes = parseBytes(given)
  if (!bytes) throw new Error(`--${name} must be a size such as 512k, not ${given}`)
  return bytes
}

function time(name: string, given: string) {
  const milliseconds = parseDuration(given)
  if (!milliseconds) throw new Error(`--${name} must be a length of time such as 30s, not ${given}`)
  return milliseconds
}

function share(name: string, given: string) {
  const [, number, percent] = given.match(/^(\d+(?:\.\d+)?)(%?)$/) ?? []
  const value = Number(number) / (percent ? 100 : 1)
  if (!(value >= 0 && value <= 1)) throw new Error(`--${name} must be a share such as 5% or 0.05, not ${given}`)
  return value
}
