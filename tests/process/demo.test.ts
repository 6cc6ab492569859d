import { expect, test } from 'bun:test'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { has } from '../support/needs.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const allIsWell = /^All is well: \d+ events, [\d,]+ bytes checked, in [\d.]+ s$/

/** Runs the demo as a person does, with a temporary folder of its own. */
async function demo(...options: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-test-'))
  try {
    const child = Bun.spawn([process.execPath, 'scripts/demo/main.ts', ...options], {
      cwd: root,
      env: { ...process.env, TMPDIR: folder },
      stdout: 'pipe',
      stderr: 'pipe'
    })
    const [output, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    return { exitCode: await child.exited, lines: output.trimEnd().split('\n'), complaints, left: await readdir(folder) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const hasCompiler = has('xtensa-lx106-elf-gcc', 'apt-get install gcc-xtensa-lx106')

test('the demo deploys to three devices and ends by itself, leaving nothing behind', async () => {
  const { exitCode, lines, complaints, left } = await demo()
  expect({ exitCode, complaints, left }).toEqual({ exitCode: 0, complaints: '', left: [] })
  expect(lines.at(-1)).toMatch(allIsWell)
  if (hasCompiler) expect(lines[0]).toStartWith('Compiled blink.c by xtensa-lx106-elf-gcc')
}, 180_000)

test('the demo also runs on the image that is shipped', async () => {
  const { exitCode, lines } = await demo('--shipped')
  expect(exitCode).toBe(0)
  expect(lines[0]).toStartWith('Took the shipped blink.image')
  expect(lines.at(-1)).toMatch(allIsWell)
}, 180_000)

test('the demo says what it does', async () => {
  const { exitCode, lines } = await demo('--help')
  expect(exitCode).toBe(0)
  expect(lines[0]).toBe('Shows the hub at work: bun run demo')
})
