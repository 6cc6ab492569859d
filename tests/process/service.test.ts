import { expect, test } from 'bun:test'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { has } from '../support/needs.ts'

const unit = fileURLToPath(new URL('../../scripts/service/updraft.service', import.meta.url))

test.skipIf(!has('systemd-analyze', 'apt-get install systemd'))(
  'the unit is understood by systemd, and exposes little',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'updraft-unit-'))
    try {
      const path = join(folder, 'updraft.service')
      await writeFile(path, (await readFile(unit, 'utf8')).replace('/usr/local/bin/updraft', process.execPath)) // what is started must be there
      const analyze = async (...words: string[]) => {
        const child = Bun.spawn(['systemd-analyze', ...words, path], { stdout: 'pipe', stderr: 'pipe' })
        const [output, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
        return { code: await child.exited, output, complaints }
      }
      expect(await analyze('verify')).toEqual({ code: 0, output: '', complaints: '' })
      const { output } = await analyze('security', '--offline=yes', '--no-pager')
      expect(Number(output.match(/Overall exposure level for updraft\.service: ([\d.]+)/)?.[1])).toBeLessThan(2)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
)
