import { expect, test } from 'bun:test'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Call } from '../../src/command/command.ts'
import { gc } from '../../src/command/commands/gc.ts'
import { readConfig } from '../../src/config.ts'
import { emptyPlace, operate } from '../support/command.ts'
import { failureOf } from '../support/failure.ts'

test('gc shows how far it is, and ends where somebody wants it to', async () => {
  await using place = await emptyPlace()
  await operate('migrate', place.env)
  const folder = join(place.env.DATA_DIR ?? '', 'blobs', 'aa', 'aa')
  await mkdir(folder, { recursive: true })
  const orphan = join(folder, 'a'.repeat(64))
  await writeFile(orphan, 'of nobody')
  await utimes(orphan, new Date(0), new Date(0))
  const shown: object[] = []
  const progress = { show: (_what: string, so: object) => void shown.push(so), clear() {}, say() {} }
  const call = (signal: AbortSignal): Call => ({
    config: readConfig(place.env),
    given: [],
    option: () => undefined,
    isOn: () => false,
    say() {},
    progress,
    signal
  })
  await failureOf(gc.run(call(AbortSignal.abort())))
  expect(await Bun.file(orphan).exists()).toBe(true)
  expect(await gc.run(call(new AbortController().signal))).toBe('done')
  expect([await Bun.file(orphan).exists(), shown]).toEqual([false, [{ done: 0, of: 1, note: '0 blobs' }]])
})
