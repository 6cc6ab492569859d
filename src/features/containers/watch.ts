import type { ContainerState, Engine } from './engine.ts'
import { LogOverflow, RunFailure } from './failures.ts'
import { patiently, pause } from './patience.ts'
import type { RunLimits } from './runs.ts'
import type { Spool } from './spools.ts'

const lookEvery = 1000
const lookSoon = 100
const longestPause = 5000
const measureAgain = 30_000
const killedBySignal = 137

type Needs = { engine: Engine; limits: RunLimits; patience: number }
type Watched = { id: string; logStart: number; spool: Spool; signal: AbortSignal }
/** What the output tells of a container: that it has ended, or broken a limit. */
type News = { breach?: RunFailure | undefined; isOver: boolean; over: PromiseWithResolvers<void> }

/** Watches containers: takes their output, and ends those that use more than they may. */
export function createWatch({ engine, limits, patience }: Needs) {
  /** Takes the output from where the log ends. Throws what it is too much by. */
  async function take({ id, logStart, spool, signal }: Watched, follow: boolean) {
    let known = spool.size() - logStart
    for await (const bytes of engine.output(id, { follow, signal })) {
      const skipped = Math.min(known, bytes.byteLength)
      known -= skipped
      const room = limits.log - (spool.size() - logStart)
      const fresh = bytes.subarray(skipped)
      if (fresh.byteLength > 0) await spool.append(fresh.subarray(0, Math.max(0, room)))
      if (fresh.byteLength > room) throw tooMuchLog(limits)
    }
    if (known > 0) throw tooMuchLog(limits) // the engine has begun a new file of it
  }

  /** Follows the output until it is told to stop, over the death of an engine too. */
  async function follow(watched: Watched, news: News) {
    while (!watched.signal.aborted) {
      try {
        await take(watched, true)
        tell(news)
      } catch (error) {
        if (watched.signal.aborted) return
        if (error instanceof LogOverflow) return tell(news, error)
      }
      await pause(lookEvery, watched.signal).catch(() => {})
    }
  }

  function tell(news: News, breach?: RunFailure) {
    news.breach ??= breach
    news.isOver = true
    news.over.resolve()
  }

  /** Asks how a container is doing. Where measuring its disk takes long, it is done less often, but every five seconds at least. */
  function createLook(id: string) {
    let measureAt = 0
    return async () => {
      const asked = Date.now()
      const due = measureAt
      measureAt = asked + measureAgain // where this takes too long, the engine is asked for less
      const state = await engine.state(id, { size: asked >= due })
      const done = Date.now()
      measureAt = asked >= due ? done + Math.min(longestPause, Math.max(lookEvery, 10 * (done - asked))) : due
      return state
    }
  }

  /** Waits for the end of a container; ends one that breaks a limit. Gives its last state and the limit. */
  async function guard({ id, signal }: Watched, news: News) {
    const look = createLook(id)
    for (;;) {
      const state = await patiently({ signal, patience }, look)
      if (!state) throw new RunFailure('The container is gone')
      if (state.status === 'ended') return state
      news.breach ??= breachOf(state, limits)
      if (news.breach) await patiently({ signal, patience }, () => engine.kill(id))
      if (news.breach || news.isOver) await pause(lookSoon, signal)
      else await Promise.race([pause(lookEvery, signal), news.over.promise])
    }
  }

  return {
    /** Resolves once a container has ended well, with all of its output in the log. Throws a `RunFailure` that says why it has not. */
    async untilEnded(watched: Watched) {
      const enough = new AbortController()
      const news: News = { isOver: false, over: Promise.withResolvers() }
      const following = follow({ ...watched, signal: AbortSignal.any([watched.signal, enough.signal]) }, news)
      try {
        const state = await guard(watched, news)
        enough.abort()
        await following
        if (!news.breach) await patiently({ signal: watched.signal, patience }, () => take(watched, false))
        const failure = news.breach ?? verdictOn(state, limits)
        if (failure) throw failure
      } finally {
        enough.abort()
        await following
      }
    }
  }
}

function breachOf({ startedAt, disk }: ContainerState, limits: RunLimits) {
  if (Date.now() - startedAt.getTime() > limits.time) return new RunFailure(`It ran longer than ${limits.time / 1000} seconds`)
  if (disk > limits.disk) return new RunFailure(`It wrote more than ${inMiB(limits.disk)} to its disk`)
  return undefined
}

function verdictOn({ exitCode, outOfMemory }: ContainerState, { memory }: RunLimits) {
  if (exitCode === 0) return undefined
  if (outOfMemory || exitCode === killedBySignal)
    return new RunFailure(`It was killed (status ${exitCode}), most likely for want of memory: it may use ${inMiB(memory)}`)
  return new RunFailure(`The command exited with status ${exitCode}`)
}

const tooMuchLog = ({ log }: RunLimits) => new LogOverflow(`It wrote more than ${inMiB(log)} of log`)

const inMiB = (bytes: number) => `${Math.round((bytes / 1024 / 1024) * 10) / 10} MiB`
