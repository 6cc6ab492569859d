import { expect, test } from 'bun:test'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs the benchmark as a person does, with a temporary folder of its own, in which it must leave nothing but its results. */
async function bench(...options: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-test-'))
  try {
    const json = join(folder, 'results.json')
    const child = Bun.spawn([process.execPath, 'scripts/bench/main.ts', '--json', json, ...options], {
      cwd: root,
      env: { ...process.env, TMPDIR: folder },
      stdout: 'pipe',
      stderr: 'pipe'
    })
    const [output, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    const exitCode = await child.exited
    const results: unknown = exitCode === 0 && !options.includes('--help') ? await Bun.file(json).json() : undefined
    return { exitCode, output, complaints, results, left: await readdir(folder) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('a row is measured against its peer, shown as a table and written as JSON, with nothing left behind', async () => {
  const { exitCode, output, results, left } = await bench('--only', 'heartbeat', '--rounds', '1', '--seconds', '1')
  expect({ exitCode, left }).toEqual({ exitCode: 0, left: ['results.json'] })
  expect(output).toContain('against bare Bun.serve returning text')
  const { rows } = results as { rows: { name: string; figures: { name: string; ratio: number }[] }[] }
  expect(rows.map(({ name }) => name)).toEqual(['heartbeat'])
  expect(rows[0]?.figures.find(({ name }) => name === 'rate')?.ratio).toBeGreaterThan(0)
}, 60_000)

test('what there is not is refused, in a sentence', async () => {
  const { exitCode, complaints } = await bench('--only', 'warp')
  expect(exitCode).toBe(1)
  expect(complaints).toContain('there is no row warp; there are heartbeat, ')
  expect((await bench('warp')).complaints).toContain("The benchmark failed: Unexpected argument 'warp'")
}, 60_000)

test('the benchmark says what it measures', async () => {
  const { exitCode, output } = await bench('--help')
  expect(exitCode).toBe(0)
  expect(output).toStartWith('Measures the hub side by side with others: bun run bench')
}, 60_000)
