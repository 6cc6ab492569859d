import { expect, test } from 'bun:test'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Figures } from '../../scripts/fleet/figures.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const number = expect.any(Number)
const spread = { p50: number, p99: number, worst: number }

/** Runs the simulator as a person does, with a temporary folder of its own. */
async function fleet(...options: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-test-'))
  const file = join(folder, 'figures.json')
  try {
    const child = Bun.spawn([process.execPath, 'scripts/fleet/main.ts', ...options, '--json', file], {
      cwd: root,
      env: { ...process.env, TMPDIR: folder },
      stdout: 'pipe',
      stderr: 'pipe'
    })
    const [output, progress] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    const exitCode = await child.exited
    const figures = await Bun.file(file)
      .json()
      .catch(() => undefined)
    await rm(file, { force: true })
    return { exitCode, output, progress, figures: figures as Figures | undefined, left: await readdir(folder) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('a fleet that flaps and loses notices ends up on the image that is deployed', async () => {
  const options = ['--devices', '200', '--image', '64k', '--flap', '5%', '--loss', '2%', '--seed', '1', '--heartbeat', '5s']
  const { exitCode, output, progress, figures, left } = await fleet(...options)
  expect({ exitCode, left }, `${progress}${output}`).toEqual({ exitCode: 0, left: [] })
  expect(output).toContain('99 % run it after')
  expect(figures).toMatchObject({
    devices: 200,
    image: 64 * 1024,
    result: {
      scenario: 'deployment',
      ok: true,
      running: 200,
      listed: 200,
      until50: number,
      until95: number,
      until99: number,
      noticeFromRequest: spread,
      noticeFromAnswer: spread,
      rate: number
    },
    hub: { health: { ...spread, own: number }, complaints: [] },
    counts: { running: 200, wrong: 0, refused: 0, dropped: number, noticesLost: number, rangesLost: number }
  })
  expect(figures?.counts.ranges).toBe(200 * 16)
  expect(figures?.counts.bytes).toBe(200 * 64 * 1024)
}, 90_000)

test('a fleet that is dropped at once comes back, and each device is answered', async () => {
  const { exitCode, output, progress, figures, left } = await fleet('--devices', '100', '--storm')
  expect({ exitCode, left }, `${progress}${output}`).toEqual({ exitCode: 0, left: [] })
  expect(figures?.result).toMatchObject({
    scenario: 'storm',
    ok: true,
    back: 100,
    untilBack: number,
    untilHeartbeats: number,
    refused: 0
  })
}, 90_000)

test('the simulator says what it does, and what is wrong with what it is given', async () => {
  const help = await fleet('--help')
  expect({ exitCode: help.exitCode, first: help.output.split('\n')[0] }).toEqual({
    exitCode: 0,
    first: 'Simulates a fleet of devices: bun run fleet --devices 10000 --image 512k --flap 5% --loss 2%'
  })
  const wrong = await fleet('--flap', 'often')
  expect(wrong.exitCode).toBe(1)
  expect(wrong.progress).toContain('--flap must be a share such as 5% or 0.05, not often')
})
