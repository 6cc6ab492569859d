import { expect, test } from 'bun:test'
import { chmod, cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gatherShell } from '../../scripts/builder-image/contents.ts'
import { hasEngine, startEngine } from '../support/engine.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Builds the program into a folder that has nothing else in it: the context of the image. */
async function buildInto(folder: string) {
  const build = Bun.spawn([process.execPath, 'scripts/build.ts', '--outfile', join(folder, 'updraft')], {
    cwd: root,
    stdout: 'ignore'
  })
  expect(await build.exited).toBe(0)
}

/** A base of what is on this machine: busybox as the shell, and the libraries that the program is linked to. */
async function gatherBase(folder: string, program: string) {
  await Promise.all(['etc', 'tmp', 'proc'].map((name) => mkdir(join(folder, name), { recursive: true })))
  await chmod(join(folder, 'tmp'), 0o1777)
  await gatherShell(folder)
  const { stdout } = Bun.spawnSync(['ldd', program])
  for (const [, library = ''] of stdout.toString().matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
    await mkdir(join(folder, dirname(library)), { recursive: true })
    await cp(await realpath(library), join(folder, library))
  }
  await writeFile(join(folder, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\n')
}

test.skipIf(!hasEngine())(
  'the image starts as nobody in particular, is well, keeps its data on a volume and stops on SIGTERM',
  async () => {
    await using engine = await startEngine()
    const folder = await mkdtemp(join(tmpdir(), 'updraft-image-'))
    try {
      await mkdir(join(folder, 'dist'))
      await buildInto(join(folder, 'dist'))
      await gatherBase(join(folder, 'base'), join(folder, 'dist', 'updraft'))
      await engine.importImage('localhost/base', join(folder, 'base'), ['ENV PATH=/bin'])
      const file = join(root, 'scripts/service/Containerfile')
      await engine.run([
        'build',
        '--build-arg',
        'BASE=localhost/base',
        '-t',
        'localhost/updraft',
        '-f',
        file,
        join(folder, 'dist')
      ])

      const container = [
        '--network',
        'host',
        '--volume',
        'updraft:/data',
        '--env',
        'HOST=127.0.0.1',
        '--env',
        'PORT=0',
        '--env',
        'MQTT_PORT=0'
      ]
      for (const start of ['first', 'second']) {
        const id = await engine.run(['run', '--detach', ...container, 'localhost/updraft'])
        const port = await portOf(() => engine.run(['logs', id]))
        expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
        expect(await engine.run(['exec', '--env', `PORT=${port}`, id, '/usr/local/bin/updraft', 'health'])).toBe(
          'The hub is well.'
        )
        expect(await engine.run(['exec', id, 'id', '-u'])).toBe('10001')
        const shown = await engine.run(['logs', id])
        expect(shown.includes('First administrator')).toBe(start === 'first')
        await engine.run(['stop', '--time', '15', id])
        expect(await engine.run(['inspect', '--format', '{{.State.ExitCode}}', id])).toBe('0')
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
  120_000
)

async function portOf(logs: () => Promise<string>) {
  for (;;) {
    const [, port] = (await logs()).match(/HTTP .*:(\d+)$/m) ?? []
    if (port) return Number(port)
    await Bun.sleep(50)
  }
}
