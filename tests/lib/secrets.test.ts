import { describe, expect, test } from 'bun:test'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keptSecret } from '../../src/lib/secrets.ts'

async function emptyFolder() {
  const folder = await mkdtemp('/tmp/updraft-secrets-')
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

describe('a secret that is kept in a file', () => {
  test('is made once, and for the eyes of one user only', async () => {
    await using home = await emptyFolder()
    const path = join(home.folder, 'secret')
    const secret = await keptSecret(path)
    expect(secret).toMatch(/^[0-9a-zA-Z]{48}$/)
    expect(await keptSecret(path)).toBe(secret)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(home.folder)).toEqual(['secret'])
  })

  for (const [what, name] of [
    ['whose making a loss of power has interrupted', 'secret'],
    ['that was being written when the process was killed', 'secret.new']
  ] as const) {
    test(`${what} is never an empty one`, async () => {
      await using home = await emptyFolder()
      await writeFile(join(home.folder, name), '')
      expect(await keptSecret(join(home.folder, 'secret'))).toMatch(/^[0-9a-zA-Z]{48}$/)
      expect(await readdir(home.folder)).toEqual(['secret'])
    })
  }
})
