import { asUnavailable } from '../../lib/failures.ts'
import type { Log } from '../../lib/log.ts'
import type { Slots } from '../../lib/slots.ts'
import type { Blobs } from '../blobs/service.ts'
import type { ContainerLimits, Engine } from './engine.ts'
import { EngineUnreachable, RunFailure } from './failures.ts'
import { insistently, patiently } from './patience.ts'
import type { Spool, Spools } from './spools.ts'
import { createWatch } from './watch.ts'

/** One command in one container, from its files to its end. */
export type Run<C = unknown> = {
  /** Unique for ever. */
  name: string
  image: string
  folder: string
  /** How many bytes of the log are the hub's own, before the container's; null until it was started. */
  logStart: number | null
  /** Gathers what the container is to have; `say` writes to the log. Throws a `RunFailure`. */
  prepare(say: Spool['say']): Promise<Prepared>
  /** The container is under way: to be stored. */
  started(container: { id: string; logStart: number }): Promise<void>
  /** Gathers what a successful container has left behind. */
  collect(read: (path: string) => ReturnType<Engine['files']>): Promise<C>
  /** All is over: to be stored with the digest of the log, in one transaction with what becomes of what was collected. */
  ended(end: RunEnd<C>): Promise<void>
}

/** What a container is to have: its files as a tar archive, and, where those are not the image's own, its command and environment. */
export type Prepared = { archive: AsyncIterable<Uint8Array>; command?: string[]; env?: Record<string, string> }

/** How a run ended: what was collected, or why it failed. */
type Ended<C> = { failure: string; collected?: undefined } | { failure?: undefined; collected: C }

/** How a run ended, with the digest of its log. */
export type RunEnd<C> = Ended<C> & { log: { sha256: string; size: number } }

export type RunLimits = ContainerLimits & { time: number }
export type Runs = ReturnType<typeof createRuns>

type Needs = { engine: Engine; spools: Spools; blobs: Blobs; log: Log; limits: RunLimits; patience: number }

/** A run was taken back by its owner, or the hub is stopping. */
const cancelled = Symbol('cancelled')
const stopping = Symbol('stopping')

/** Performs runs in containers. State is the container's own and the caller's rows: a hub that starts again performs the same run again, and it goes on. */
export function createRuns({ engine, spools, blobs, log, limits, patience }: Needs) {
  const active = new Map<string, { abort: AbortController; done: Promise<void> }>()
  let isTidy = false // until the engine has been asked for what an earlier process left behind
  const { untilEnded } = createWatch({ engine, limits, patience })

  async function perform<C>(run: Run<C>, signal: AbortSignal) {
    const spool = await spools.take(run.name)
    try {
      const end = await outcomeOf(run, spool, signal)
      await insistently(signal, () => conclude(run, spool, end))
      await clear(run.name)
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, run: run.name }, 'a run could not be brought to its end')
      isTidy = false // what was asked of the engine may still come about
      // Otherwise the next start takes it up.
      if (signal.reason === cancelled) await clear(run.name)
      else await spools.release(run.name)
    }
  }

  /** Stores how a run ended; where what it left behind cannot be stored, that it failed by that. */
  async function conclude<C>(run: Run<C>, spool: Spool, end: Ended<C>) {
    try {
      await run.ended({ ...end, log: await keepLog(spool, end.failure) })
    } catch (error) {
      if (end.failure !== undefined || asUnavailable(error)) throw error
      log.error({ err: error, run: run.name }, 'what a run left behind could not be stored')
      const failure = 'What it left behind could not be stored'
      await run.ended({ failure, log: await keepLog(spool, failure) })
    }
  }

  /** Nothing is left of a run but what was stored. */
  async function clear(run: string) {
    await spools.release(run)
    await spools.remove(run)
    isTidy = (await removeContainers((container) => container.run === run)) && isTidy
  }

  /** What came of a run. Throws when it is taken back, or the hub stops. */
  async function outcomeOf<C>(run: Run<C>, spool: Spool, signal: AbortSignal): Promise<Ended<C>> {
    try {
      const { id, logStart } = await patiently({ signal, patience }, () => begin(run, spool, signal))
      await untilEnded({ id, logStart, spool, signal })
      const collect = () => run.collect((path) => engine.files(id, path))
      return { collected: await patiently({ signal, patience }, collect) }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof EngineUnreachable) isTidy = false // it may yet do what it was asked
      const known = error instanceof RunFailure ? error : asUnavailable(error)
      if (known) return { failure: known.message }
      log.error({ err: error, run: run.name }, 'a run failed unexpectedly')
      return { failure: 'Internal error' }
    }
  }

  /** Finds the container of a run where an earlier process has started it; or else makes it. */
  async function begin<C>(run: Run<C>, spool: Spool, signal: AbortSignal) {
    for (const { id } of (await engine.list()).filter((found) => found.run === run.name)) {
      const state = await engine.state(id)
      if (state && state.status !== 'created') return takeUp(run, spool, id)
      await engine.remove(id)
    }
    if (run.logStart !== null) throw new RunFailure('The container is gone')
    return make(run, spool, signal)
  }

  async function takeUp<C>(run: Run<C>, spool: Spool, id: string) {
    // It was started, and the process ended before that was stored: then nothing of its output is in the log yet.
    const logStart = run.logStart ?? spool.size()
    if (run.logStart === null) await run.started({ id, logStart })
    return { id, logStart }
  }

  async function make<C>(run: Run<C>, spool: Spool, signal: AbortSignal) {
    await spool.reset()
    await engine.pull(run.image, spool.say)
    signal.throwIfAborted()
    const { archive, command, env } = await run.prepare(spool.say)
    signal.throwIfAborted()
    const id = await engine.create(run.name, { image: run.image, folder: run.folder, command, env, limits })
    await engine.putFiles(id, archive, signal)
    signal.throwIfAborted()
    const logStart = spool.size()
    await engine.start(id)
    run.logStart = logStart
    await run.started({ id, logStart })
    return { id, logStart }
  }

  /** The log goes into the store of bytes; why a run failed is its last line. */
  async function keepLog(spool: Spool, failure: string | undefined) {
    const staged = await blobs.stage(withLastLine(spool, failure), Number.MAX_SAFE_INTEGER)
    try {
      await staged.keep()
    } finally {
      await staged.discard()
    }
    return { sha256: staged.sha256, size: staged.size }
  }

  async function removeContainers(which: (container: { run: string }) => boolean) {
    try {
      for (const container of (await engine.list()).filter(which)) await engine.remove(container.id)
      return true
    } catch (error) {
      if (!(error instanceof RunFailure)) throw error
      log.debug({ reason: error.message }, 'containers could not be removed')
      return false
    }
  }

  return {
    /** Performs the run of that name as soon as there is a slot for it; resolves when it is over, and never fails. `load` gives it then, or nothing where it is not wanted any more. */
    perform<C>(name: string, slots: Slots, load: () => Promise<Run<C> | undefined>) {
      const abort = new AbortController()
      const { signal } = abort
      const begin = async () => {
        const run = await load()
        if (run) await perform(run, signal)
      }
      const done = slots
        .use(signal, begin)
        .catch(async (error: unknown) => {
          if (!signal.aborted) log.error({ err: error, run: name }, 'a run broke off')
          // An earlier process may have started its container: it had only waited to be taken up.
          if (signal.reason === cancelled) await clear(name)
        })
        .finally(() => active.delete(name))
      active.set(name, { abort, done })
      return done
    },

    /** Takes a run back: its container and its log are gone when this resolves. */
    async cancel(name: string) {
      active.get(name)?.abort.abort(cancelled)
      await active.get(name)?.done
    },

    /** Removes the containers and logs of this hub's that no run under way has, where there may be any. */
    async tidy() {
      if (isTidy) return
      await spools.removeOthers((name) => active.has(name))
      isTidy = await removeContainers(({ run }) => !active.has(run))
    },

    /** Lets go of everything under way: containers go on, and the next start finds them. */
    async stop() {
      for (const { abort } of active.values()) abort.abort(stopping)
      await Promise.all([...active.values()].map(({ done }) => done))
    }
  }
}

async function* withLastLine(spool: Spool, failure: string | undefined) {
  let last: Uint8Array = new Uint8Array()
  for await (const chunk of spool.contents()) {
    yield chunk
    last = chunk
  }
  if (failure === undefined) return
  const ends = last.byteLength === 0 || last.at(-1) === 10
  yield Buffer.from(`${ends ? '' : '\n'}Failed: ${failure}\n`)
}
