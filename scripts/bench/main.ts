import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { hubsTable, runHubs } from './hubs/hubs.ts'
import { type Result, runRow } from './measure/rounds.ts'
import type { Row } from './measure/row.ts'
import { machine } from './measure/usage.ts'
import { createProgress } from './report/progress.ts'
import { machineLine, resultTable } from './report/table.ts'
import { rows } from './rows/index.ts'
import { runScale, scaleTable } from './scale/scale.ts'
import { cleanUpOnSignals } from './workplace.ts'

const help = `Measures the hub side by side with others: bun run bench

Each row is measured in rounds, the hub and its peer in turn, every server and the load in a process of its own, on
spare ports of the loopback interface, with all data in a temporary folder. Given are medians: of each side, and of the
rounds' ratios hub/peer; "rounds" is the least and the greatest of these. CPU time is that of the server's process,
user and system. A row that cannot run here says why.

${rows.map(({ name, title, against }) => `  ${name.padEnd(10)} ${title}${against ? `\n${' '.repeat(13)}against ${against}` : ''}`).join('\n')}

  --only heartbeat,ranges  only these rows
  --rounds N               rounds of each row (3)
  --seconds N              seconds of load in each round (3)
  --scale                  instead: what a heartbeat, an image range, a subscribe cost at 100, 10,000 and 100,000 devices
  --hubs                   instead: what one, two and four hubs on one PostgreSQL carry, and what they cost each other
  --json FILE              also write the results to a file
  --help                   show this`

type Settings = { rounds: number; seconds: number }

const options = {
  only: { type: 'string' },
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '3' },
  scale: { type: 'boolean', default: false },
  hubs: { type: 'boolean', default: false },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false }
} as const

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values']

cleanUpOnSignals()
try {
  const { values } = parseArgs({ options })
  if (values.help) console.log(help)
  else await run(values)
} catch (error) {
  console.error(`\nThe benchmark failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

async function run(values: Values) {
  const settings = { rounds: positive('rounds', values.rounds), seconds: positive('seconds', values.seconds) }
  const rowsOf = (each: Settings) => measureRows(chooseRows(values.only), each)
  const results = await (values.hubs ? measureHubs : values.scale ? measureScale : rowsOf)(settings)
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ machine: machine(), settings, ...results }, null, 2)}\n`)
}

async function measureRows(chosen: Row[], settings: Settings) {
  const progress = createProgress(chosen.length)
  const results: Result[] = []
  for (const row of chosen) results.push(await runRow(row, { ...settings, progress }))
  progress.end()
  console.log(`${machineLine(machine())}\n\n${resultTable(results)}`)
  if (results.some(({ failed }) => failed)) process.exitCode = 1
  return { rows: results }
}

async function measureScale(settings: Settings) {
  const scale = await runScale(settings)
  console.log(`${machineLine(machine())}\n\n${scaleTable(scale)}`)
  return { scale }
}

async function measureHubs(settings: Settings) {
  const hubs = await runHubs(settings)
  console.log(`${machineLine(machine())}\n\n${hubsTable(hubs)}`)
  return { hubs }
}

function chooseRows(only: string | undefined): Row[] {
  const names = only?.split(',') ?? rows.map(({ name }) => name)
  return names.map((name) => {
    const row = rows.find((one) => one.name === name)
    if (!row) throw new Error(`there is no row ${name}; there are ${rows.map((one) => one.name).join(', ')}`)
    return row
  })
}

function positive(name: string, given: string) {
  const value = Number(given)
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not ${given}`)
  return value
}
