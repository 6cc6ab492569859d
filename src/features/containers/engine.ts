import { Readable } from 'node:stream'
import Docker from 'dockerode'
import { asFailure, EngineUnreachable, isMissing, oneLine, RunFailure } from './failures.ts'
import { payloadsOf } from './frames.ts'

const looksWithin = 10_000
const answersWithin = 60_000
const cleansUpWithin = 10_000
const pullsWithin = 30 * 60_000
const copiesWithin = 30 * 60_000
const processesAtMost = 256
const hubLabel = 'updraft.hub'
const runLabel = 'updraft.run'

/** What a container may use. Memory, disk and log in bytes. */
export type ContainerLimits = { memory: number; cpus: number; disk: number; log: number; network: string }

export type NewContainer = {
  image: string
  /** In place of the image's own entrypoint and command; left out: those. */
  command?: string[] | undefined
  folder: string
  env?: Record<string, string> | undefined
  limits: ContainerLimits
}

/** How a container is doing. `disk`: the bytes that it has written, where that was asked for. */
export type ContainerState = {
  status: 'created' | 'running' | 'ending' | 'ended'
  exitCode: number
  outOfMemory: boolean
  startedAt: Date
  disk: number
}

export type Engine = ReturnType<typeof createEngine>

/**
 * The port to a container engine: Docker or Podman over the Docker Engine API at `host` (`unix://…`, `tcp://…`). `hubId`
 * marks the containers as this hub's. Everything is bounded in time, and fails with a `RunFailure`.
 */
export function createEngine({ host, hubId }: { host: string; hubId: string }) {
  const docker = new Docker(connectionTo(host))
  let limitsDisk = true // until the engine says that it cannot

  async function create(run: string, { image, command, folder, env = {}, limits }: NewContainer): Promise<string> {
    const bounded = limitsDisk
    const storage = bounded ? { StorageOpt: { size: String(limits.disk) } } : {}
    const options: Docker.ContainerCreateOptions = {
      Image: image,
      ...(command ? { Entrypoint: command.slice(0, 1), Cmd: command.slice(1) } : {}),
      WorkingDir: folder,
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      Labels: { [hubLabel]: hubId, [runLabel]: run },
      HostConfig: { ...confinement(limits), ...storage }
    }
    try {
      return (await answered(docker.createContainer(options))).id
    } catch (error) {
      if (!bounded || !/storage[- ]?opt|quota/i.test(asFailure(error).message)) throw error
      limitsDisk = false
      return create(run, { image, command, folder, env, limits })
    }
  }

  async function has(image: string) {
    try {
      await answered(docker.getImage(image).inspect())
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  async function state(id: string, { size = false } = {}): Promise<ContainerState | undefined> {
    try {
      const options = { size } as object // the types do not know it
      const found = (await answered(docker.getContainer(id).inspect(options), looksWithin)) as Docker.ContainerInspectInfo & Sized
      return stateOf(found, size ? await inVolumes(found) : 0)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** The bytes in the volumes that its image gives a container: the engine does not count them to what it has written. */
  async function inVolumes({ Mounts: mounts }: Docker.ContainerInspectInfo) {
    const names = mounts.flatMap(({ Type: type, Name: name }) => (type === 'volume' && name ? [name] : []))
    if (names.length === 0) return 0
    const { Volumes: volumes } = await answered(askForVolumes())
    const its = (volumes ?? []).filter(({ Name: name }) => names.includes(name))
    return its.reduce((sum, { UsageData: usage }) => sum + Math.max(0, usage?.Size ?? 0), 0)
  }

  /** The client itself would have everything else measured too. */
  function askForVolumes() {
    const { promise, resolve, reject } = Promise.withResolvers<{ Volumes?: Docker.VolumeInspectInfo[] | null }>()
    const asked = { path: '/system/df?type=volume', method: 'GET', statusCodes: { 200: true, 500: 'server error' } }
    docker.modem.dial(asked, (error: unknown, answer: unknown) => (error ? reject(error) : resolve(answer as object)))
    return promise
  }

  async function kill(id: string) {
    await answered(docker.getContainer(id).kill()).catch(async (error: unknown) => {
      // Docker and Podman say by different statuses that there is nothing to end.
      if ((await state(id))?.status === 'running') throw error
    })
  }

  const failing = <A extends unknown[], T>(act: (...given: A) => Promise<T>) => {
    return async (...given: A) => {
      try {
        return await act(...given)
      } catch (error) {
        throw asFailure(error)
      }
    }
  }

  return {
    /** Pulls an image where the engine has not got it; `say` is told how that goes, a line at a time. */
    pull: failing(async (image: string, say: (line: string) => Promise<void>) => {
      if (await has(image)) return
      await say(`Pulling ${image}`)
      const stream = await answered(docker.pull(tagged(image)), pullsWithin)
      await answered(toldOfPull(stream as Readable, say), pullsWithin)
    }),

    /** Makes a container that can do nothing but compute: see `confinement`. Gives its id. */
    create: failing(create),

    /** Unpacks a tar archive into a container at `/`. Throws what goes wrong with reading the archive as it is. */
    putFiles: failing(async (id: string, archive: AsyncIterable<Uint8Array>, signal: AbortSignal) => {
      const body = Readable.from(archive)
      const broken = Promise.withResolvers<never>()
      body.once('error', broken.reject) // the client would wait for its end
      const abortSignal = AbortSignal.any([signal, abortedBy(broken.promise)])
      const put = docker.getContainer(id).putArchive(body, { path: '/', abortSignal })
      await answered(Promise.race([put, broken.promise]), copiesWithin)
    }),

    /** A folder of a container as a tar archive; undefined where it has none. */
    files: failing(async (id: string, path: string) => {
      try {
        return (await answered(docker.getContainer(id).getArchive({ path }))) as Readable
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    }),

    start: failing(async (id: string) => void (await answered(docker.getContainer(id).start()))),

    /** All that a container has written so far, both outputs in the order in which the engine has them; with `follow` also what comes, until it ends. */
    async *output(id: string, { follow, signal }: { follow: boolean; signal: AbortSignal }) {
      try {
        const options = { follow: true as const, stdout: true, stderr: true, abortSignal: signal }
        const asked = follow ? docker.getContainer(id).logs(options) : docker.getContainer(id).logs({ ...options, follow: false })
        const answer = await answered(asked as Promise<Readable | Buffer>)
        yield* payloadsOf(Buffer.isBuffer(answer) ? once(answer) : answer)
      } catch (error) {
        if (!signal.aborted) throw asFailure(error)
      }
    },

    /** How a container is doing; undefined where there is none. To measure its disk costs the engine a walk over what it wrote. */
    state: failing(state),

    /** Ends a container at once; one that has ended, or is not there, is left alone. */
    kill: failing(kill),

    /** Ends and removes a container with all that it has written; none is fine. */
    remove: failing(async (id: string) => {
      await kill(id) // or Podman would wait ten seconds for it to end by itself
      await answered(docker.getContainer(id).remove({ force: true, v: true })).catch((error: unknown) => {
        if (!isMissing(error)) throw error
      })
    }),

    /** The containers of this hub: their ids by the names of their runs. */
    list: failing(async () => {
      const asked = docker.listContainers({ all: true, filters: { label: [`${hubLabel}=${hubId}`] } })
      const found = await answered(asked, looksWithin)
      return found.map(({ Id: id, Labels: labels }) => ({ id, run: labels[runLabel] ?? '' }))
    })
  }
}

/** What keeps a container from everything but its own files: no network unless it is given one, no privileges, and bounds. */
const confinement = ({ memory, cpus, log, network }: ContainerLimits): Docker.HostConfig => ({
  NetworkMode: network,
  Memory: memory,
  MemorySwap: memory, // memory and swap together: no swap
  NanoCpus: Math.round(cpus * 1e9),
  PidsLimit: processesAtMost,
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges'],
  // More than the hub takes of it: it is read from here by a hub that was away meanwhile.
  LogConfig: { Type: 'json-file', Config: { 'max-size': `${Math.ceil((log * 4) / 1024)}k` } }
})

function connectionTo(host: string): Docker.DockerOptions {
  // Without a host of ours, the client would take one from the environment.
  if (host.startsWith('unix://')) return { host: '', socketPath: host.slice('unix://'.length) }
  const { protocol, hostname, port } = new URL(host)
  const secure = protocol === 'https:'
  return { protocol: secure ? 'https' : 'http', host: hostname, port: Number(port) || (secure ? 2376 : 2375) }
}

/** An image without a tag means its latest; the engine would pull all of them. */
const tagged = (image: string) => (/[:@][^/]*$/.test(image) ? image : `${image}:latest`)

/** The engine's client may wait for ever for an engine that died in the middle of an answer. */
async function answered<T>(asked: Promise<T>, within = answersWithin): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new EngineUnreachable('The container engine did not answer in time')), within)
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** A signal that is aborted when a promise fails. */
function abortedBy(promise: Promise<never>) {
  const abort = new AbortController()
  promise.catch((error: unknown) => abort.abort(error))
  return abort.signal
}

/** Reads what the engine says of a pull: an object a line. Throws what it says went wrong. */
async function toldOfPull(stream: Readable, say: (line: string) => Promise<void>) {
  const said = new Set<string>()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines.filter((each) => each.trim() !== '')) {
      const { id, status, error } = JSON.parse(line) as { id?: string; status?: string; error?: string }
      if (error) throw new RunFailure(oneLine(error))
      const sentence = oneLine([id, status].filter(Boolean).join(': '))
      if (sentence === '' || said.has(sentence)) continue
      said.add(sentence)
      await say(sentence)
    }
  }
}

type Sized = { SizeRw?: number; State: { OOMKilled: boolean } }

function stateOf({ State: state, SizeRw: disk = 0 }: Docker.ContainerInspectInfo & Sized, inVolumes: number): ContainerState {
  return {
    status: statusOf(state),
    exitCode: state.ExitCode,
    outOfMemory: state.OOMKilled,
    startedAt: new Date(state.StartedAt),
    disk: disk + inVolumes
  }
}

function statusOf({ Status: status, Running: running, FinishedAt: finishedAt }: Docker.ContainerInspectInfo['State']) {
  if (['created', 'configured', 'initialized'].includes(status)) return 'created'
  if (running || ['running', 'paused', 'restarting', 'stopping'].includes(status)) return 'running'
  // Podman calls it stopped until it has cleaned up: meanwhile its files may seem to be gone.
  return status === 'stopped' && Date.now() - Date.parse(finishedAt) < cleansUpWithin ? 'ending' : 'ended'
}

async function* once(bytes: Buffer) {
  yield bytes
}
