import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { postgresMissing, startPostgres } from './test-postgres.ts'
import { startS3 } from './test-s3.ts'

const usage = `bun run test [paths…]

Runs the tests: everything on SQLite, then what depends on the database on PostgreSQL, which it starts for itself as it does
an S3 server, and the API once more with each hub being two behind HAProxy, with their bytes in S3.
  --sqlite-only   leaves PostgreSQL out
  --help          this text`

// The folders whose tests ask the database; the others would only say the same twice.
const onBothDatabases = ['tests/apis', 'tests/command', 'tests/db', 'tests/features', 'tests/mqtt']
// Those that speak to a hub from outside: to them, two behind a load balancer are one.
const onTwoHubs = ['tests/apis']
const balancerMissing = 'left out: the suite on two hubs; get HAProxy by: apt-get install haproxy'

// The folders whose tests store bytes on S3.
const onS3 = ['tests/blobs', 'tests/process', ...onTwoHubs]

// How much of what a test printed before it failed is said again at the end.
const linesOfFailure = 40

type Counts = { passed: number; failed: number; skipped: number; broken: string[]; clean: boolean }

const args = process.argv.slice(2)
if (args.includes('--help')) {
  console.log(usage)
  process.exit(0)
}
const paths = args.filter((arg) => !arg.startsWith('--'))
const s3 = within(onS3).length > 0 ? await startS3() : undefined
const withS3 = s3 ? { UPDRAFT_TEST_S3: JSON.stringify(s3) } : undefined
const runs = [await runTests('SQLite', paths.length > 0 ? paths : ['tests'], withS3 ?? {})]
if (!args.includes('--sqlite-only') && within(onBothDatabases).length > 0) runs.push(...(await onPostgres()))
await s3?.stop()

const sum = (of: (counts: Counts) => number) => runs.reduce((total, counts) => total + of(counts), 0)
const failed = sum((counts) => counts.failed)
const crashed = runs.some((counts) => !counts.clean) && failed === 0 ? 1 : 0
for (const name of runs.flatMap(({ broken }) => broken)) console.log(`failed: ${name}`)
const skipped = sum((counts) => counts.skipped)
console.log(`${sum((counts) => counts.passed)} passed, ${failed + crashed} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exit(failed + crashed > 0 ? 1 : 0)

/** Those of the paths asked for that are in these folders. */
function within(folders: string[]) {
  if (paths.length === 0) return folders
  return paths.filter((path) => folders.some((folder) => path.replace(/^\.\//, '').startsWith(folder)))
}

async function onPostgres(): Promise<Counts[]> {
  const server = await startPostgres()
  if (!server) {
    if (process.env.CI) throw new Error(postgresMissing)
    console.warn(postgresMissing)
    return []
  }
  try {
    const variables = { UPDRAFT_TEST_POSTGRES: server.url }
    const counts = [await runTests('PostgreSQL', within(onBothDatabases), variables)]
    if (within(onTwoHubs).length > 0 && withS3 && hasBalancer()) {
      const hubs = { ...variables, ...withS3, UPDRAFT_TEST_HUBS: '2' }
      counts.push(await runTests('two hubs, PostgreSQL and S3', within(onTwoHubs), hubs))
    }
    return counts
  } finally {
    await server.stop()
  }
}

function hasBalancer() {
  if (Bun.which('haproxy')) return true
  if (process.env.CI) throw new Error(balancerMissing)
  console.warn(balancerMissing)
  return false
}

/** Runs bun's tests over the given paths. Bun's closing text is no measure of success, its exit code and report are. */
async function runTests(name: string, which: string[], env: Record<string, string>): Promise<Counts> {
  console.log(`\n── on ${name} ──`)
  const folder = await mkdtemp(join(tmpdir(), 'updraft-report-'))
  const report = join(folder, 'report.xml')
  const options = ['--timeout', '30000', '--reporter=junit', `--reporter-outfile=${report}`]
  const command = ['test', ...options, ...which.map((path) => `./${path.replace(/^\.\//, '')}`)]
  const tests = spawn(process.execPath, command, { env: { ...process.env, ...env }, stdio: ['inherit', 'inherit', 'pipe'] })
  const [complaints, [exitCode]] = await Promise.all([complaintsOf(tests.stderr), once(tests, 'close')])
  const text = await readFile(report, 'utf8').catch(() => '')
  await rm(folder, { recursive: true, force: true })
  const broken = brokenOf(text).map(({ at, test }) => `${at} ${test} on ${name}\n${complaints.get(test) ?? ''}`)
  return { ...countsOf(text), broken, clean: exitCode === 0 }
}

/** Passes on what bun's tests print; gives the last lines that each test which failed had printed, by its name. */
async function complaintsOf(output: Readable) {
  const complaints = new Map<string, string>()
  let said: string[] = []
  for await (const line of createInterface({ input: output })) {
    console.error(line)
    const failed = line.match(/^\(fail\) (.*?)(?: \[[\d.]+m?s\])?$/)?.[1]
    // bun names those that failed once more at its end, without what they printed
    if (failed && !complaints.has(failed)) complaints.set(failed, said.slice(-linesOfFailure).join('\n'))
    if (/^\((?:pass|fail|skip|todo)\)|^\S+\.test\.ts:$/.test(line)) said = []
    else said.push(line)
  }
  return complaints
}

function countsOf(report: string) {
  const attribute = (name: string) => Number(report.match(new RegExp(`<testsuites [^>]*\\b${name}="(\\d+)"`))?.[1] ?? 0)
  const failures = attribute('failures')
  const skips = attribute('skipped')
  return { passed: attribute('tests') - failures - skips, failed: failures, skipped: skips }
}

/** The tests that failed, each by its file, line and name. */
function brokenOf(report: string) {
  return [...report.matchAll(/<testcase ([^>]*[^/])>\s*<failure/g)].map(([, attributes = '']) => {
    const [file, line, group, name] = ['file', 'line', 'classname', 'name'].map((each) => attributeOf(attributes, each))
    const groups = group ? group.split(' > ').toReversed() : [] // the report has the innermost first
    return { at: `${file}:${line}`, test: [...groups, name].join(' > ') }
  })
}

function attributeOf(attributes: string, name: string) {
  const text = attributes.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? ''
  const entities: Record<string, string> = { quot: '"', lt: '<', gt: '>', amp: '&', apos: "'" }
  return text.replace(/&(\w+);/g, (entity, of: string) => entities[of] ?? entity)
}
