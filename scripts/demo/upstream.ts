import { readFile } from 'node:fs/promises'
import { builder, enginePrograms, howToGetEngine, startEngine } from '../test-engine.ts'
import { architecture, createDesktopClient, type DesktopClient } from './desktop-client.ts'
import { compiler, type Firmware, flags, source } from './firmware.ts'
import { app } from './fleet.ts'
import type { PlayedGithub } from './github.ts'
import { ensure } from './journal.ts'
import { allRun, type Scene } from './scenario.ts'
import { zipOf } from './zip.ts'

const repo = { ownerName: 'acme', name: 'blink' }
/** Makes a program that says its version, and is long enough to be fetched in two parts. */
const pack = `{ echo echo blink $RELEASE_VERSION; head -c 150000 /dev/zero | tr '\\0' '#'; } > output/blink.${architecture}.sh`
const patience = 60_000

/** A container engine that has the compiler in an image; undefined where this machine has not got what that takes, and `say` is told. */
export async function prepareUpstream(say: (line: string) => void) {
  if (!enginePrograms.every((program) => Bun.which(program))) {
    say(`Containers are left out; get an engine by: ${howToGetEngine}`)
    return undefined
  }
  if (!Bun.which(compiler)) return undefined
  const engine = await startEngine()
  await engine.importBuilder()
  return {
    /** How a hub is configured for it. */
    variables: { DOCKER_HOST: engine.host, BUILDER_IMAGE_ESP8266: builder },
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]()
  }
}

type Reached = { base: string; broker: string; folder: string }
type Upstream = Scene & { github: PlayedGithub; reached: Reached }

/** Firmware from source: sent as a zip archive, then released upstream, for desktop clients too. Every byte of both images is known beforehand. */
export async function playUpstream(scene: Upstream, { built, released }: { built: Firmware; released: Firmware }) {
  await build(scene, built)
  const { fleet, journal, reached } = scene
  const { applications } = (await fleet.user.call('GET /applications')) as { applications: { id: string; slug: string }[] }
  const options = { ...reached, appId: applications.find(({ slug }) => slug === app)?.id ?? '', journal }
  await using laptop = await createDesktopClient({ ...options, name: 'laptop (MQTT)' })
  await using office = await createDesktopClient({ ...options, name: 'office (HTTP)' })
  await laptop.listen()
  office.startPolling()
  await release(scene, released, [laptop, office])
}

async function build({ journal, fleet: { user, lamp, meter, door } }: Scene, firmware: Firmware) {
  const compile = `exec ${compiler} ${flags.join(' ')} -DVERSION=${firmware.version} -o $OUT/blink.$BOARD.image blink.c\n`
  const zip = zipOf([
    { name: 'blink.c', data: await readFile(source) },
    { name: 'build.sh', data: compile }
  ])
  await journal.cause(`POST /apps/${app}/builds: the source of version ${firmware.version} as a zip archive`, () =>
    user.build(app, zip)
  )
  await allRun(journal, [lamp, meter, door], firmware, patience)
  journal.sure(`what was compiled in a container is what ${compiler} makes here, byte for byte`)
}

async function release(scene: Upstream, firmware: Firmware, clients: DesktopClient[]) {
  const {
    github,
    journal,
    fleet: { user, lamp, meter, door }
  } = scene
  const fullName = `${repo.ownerName}/${repo.name}`
  github.publish(fullName, '4.0.0', [await asset('4.0.0')])
  const { id } = (await user.call('POST /repos', repo)) as { id: string }
  const compile = `${compiler} ${flags.join(' ')} -DVERSION=\${RELEASE_VERSION%%.*} -o output/blink.esp8266.image $RELEASE_ASSET`
  const runCommand = `${compile} && ${pack}`
  const task = { repo: id, releaseAsset: 'blink-4.0.0.c', runCommand, containerImage: builder }
  const added = (await user.call('POST /tasks', { ...task, onRelease: true, publishTo: app })) as { id: string }
  const version = `${firmware.version}.0.0`
  const assets = [await asset(version)]
  await journal.cause(`acme/blink releases ${version} at GitHub; the hub polls it every second`, async () =>
    github.publish(fullName, version, assets)
  )
  await allRun(journal, [lamp, meter, door], firmware, patience)
  await journal.until(`all clients to run ${version}`, () => clients.every((client) => client.current() === version))
  const { status } = (await user.call(`GET /tasks/${added.id}/status`)) as { status: string }
  ensure(status === 'Succeeded', `the task has ${status}, although what it made was deployed`)
  journal.sure(`nobody but acme did anything; the task has ${status}`)
}

const asset = async (version: string) => ({ name: `blink-${version}.c`, bytes: new Uint8Array(await readFile(source)) })
