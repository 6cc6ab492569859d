import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { changes, gatherBuilder } from './contents.ts'

const help = `Makes an image that compiles C for the esp8266: bun scripts/builder-image/main.ts

It is made of this machine's own compiler (Debian: apt-get install gcc-xtensa-lx106 busybox-static), without any image
registry, and given to Podman or Docker, whichever is here. Configure the hub with BUILDER_IMAGE_ESP8266=<name>.

  --name NAME      name of the image, localhost/updraft-esp8266 unless given
  --engine COMMAND podman or docker
  --help           show this`

const options = { name: { type: 'string' }, engine: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const

async function make({ name = 'localhost/updraft-esp8266', engine }: { name?: string; engine?: string }) {
  const command = engine ?? ['podman', 'docker'].find((each) => Bun.which(each))
  if (!command) throw new Error('Neither podman nor docker is on this machine')
  const folder = await mkdtemp(join(tmpdir(), 'updraft-builder-'))
  try {
    await gatherBuilder(folder)
    const archive = Bun.spawn(['tar', '-C', folder, '--owner=0', '--group=0', '-c', '.'], { stdout: 'pipe' })
    const told = changes.flatMap((change) => ['--change', change])
    const imported = Bun.spawn([command, 'import', ...told, '-', name], {
      stdin: archive.stdout,
      stdout: 'ignore',
      stderr: 'inherit'
    })
    if ((await imported.exited) !== 0) throw new Error(`${command} could not import the image`)
    console.log(`${name} is there. Start the hub with BUILDER_IMAGE_ESP8266=${name}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

try {
  const { values } = parseArgs({ options })
  if (values.help) console.log(help)
  else await make(values)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
