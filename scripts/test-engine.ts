import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Docker from 'dockerode'
import { changes, gatherBuilder, gatherShell } from './builder-image/contents.ts'

const patience = 20_000

/** What an engine of one's own is made of, and how to get it. */
export const enginePrograms = ['podman', 'runc', 'busybox']
export const howToGetEngine = 'apt-get install podman runc busybox-static'

/** The image that tests run commands in: busybox, and nothing else. */
export const busybox = 'localhost/busybox'

/** The image that compiles for the esp8266, once it is imported. */
export const builder = 'localhost/updraft-esp8266'

// What a sandbox within a sandbox allows.
const settings = `[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
`

export type TestEngine = Awaited<ReturnType<typeof startEngine>>

/** A container engine of one's own: Podman's service on a socket and with a storage in a temporary folder, with busybox as its only image. */
export async function startEngine() {
  const folder = await mkdtemp('/tmp/updraft-engine-') // Podman wants a path of at most 50 characters
  const path = (name: string) => join(folder, name)
  await writeFile(path('containers.conf'), settings)
  const podman = ['podman', '--root', path('root'), '--runroot', path('run'), '--tmpdir', path('tmp')]
  const env = { ...process.env, CONTAINERS_CONF: path('containers.conf') }
  const docker = new Docker({ socketPath: path('engine.sock') })
  let service: Bun.Subprocess | undefined

  /** Runs a command of Podman's; `input` is what it reads. */
  async function run(command: string[], input?: Bun.SpawnOptions.Readable | Blob | Response) {
    const child = Bun.spawn([...podman, ...command], {
      cwd: folder,
      env,
      stdin: (input as Blob) ?? 'ignore',
      stdout: 'pipe',
      stderr: 'pipe'
    })
    const [output, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    if ((await child.exited) !== 0) throw new Error(`podman ${command.join(' ')}: ${complaints}`)
    return output.trim()
  }

  async function start() {
    service = Bun.spawn([...podman, 'system', 'service', '--time=0', `unix://${path('engine.sock')}`], {
      cwd: folder, // where Podman notes that memory ran out
      env,
      stdout: 'ignore',
      stderr: 'ignore'
    })
    await until('the container engine to answer', () =>
      docker.ping().then(
        () => true,
        () => false
      )
    )
  }

  /** Ends the engine at once; its containers go on. */
  async function kill() {
    service?.kill('SIGKILL')
    await service?.exited
  }

  /** Makes an image of a folder. */
  async function importImage(name: string, from: string, changes: string[] = []) {
    const tar = Bun.spawn(['tar', '-C', from, '-c', '.'], { stdout: 'pipe' })
    await run(['import', ...changes.flatMap((change) => ['--change', change]), '-', name], new Response(tar.stdout))
  }

  await mkdir(path('busybox/tmp'), { recursive: true, mode: 0o777 })
  await gatherShell(path('busybox'))
  await importImage(busybox, path('busybox'), ['ENV PATH=/bin'])
  await start()
  function endAtExit() {
    service?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', endAtExit)

  return {
    host: `unix://${path('engine.sock')}`,
    folder,
    docker,
    run,
    start,
    kill,
    importImage,
    /** Makes the builder image of the esp8266. */
    async importBuilder() {
      await gatherBuilder(path('builder'))
      await importImage(builder, path('builder'), changes)
    },
    /** The names of the containers' runs, whichever hub they are of. */
    async containers() {
      const found = await docker.listContainers({ all: true })
      return found.map(({ Labels: labels }) => labels['updraft.run'] ?? '?')
    },
    /** Resolves when no container is left. */
    empty: () => until('the containers to be gone', async () => (await docker.listContainers({ all: true })).length === 0),
    async [Symbol.asyncDispose]() {
      await run(['rm', '--force', '--all', '--time', '0'])
      await kill()
      process.off('exit', endAtExit)
      await rm(folder, { recursive: true, force: true })
    }
  }
}

async function until(what: string, isSo: () => Promise<boolean>) {
  const end = Date.now() + patience
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited ${patience} ms for ${what}`)
    await Bun.sleep(20)
  }
}
