import { Worker } from 'node:worker_threads'
import type { Apart } from '../../db/index.ts'
import { workerModule } from '../../lib/assets.ts'
import type { Log } from '../../lib/log.ts'
import type { Order, Outcome, Workplace } from './fold-worker.ts'

const module = workerModule('features/logs/fold-worker.ts', new URL('./fold-worker.ts', import.meta.url))

const idleAtMost = 60_000
const restAfterFailure = 60_000

type Thread = { worker: Worker; ended: Promise<void> }

type Folded = Exclude<Outcome, 'ready' | { failed: unknown }>

export type FoldThread = ReturnType<typeof createFoldThread>

/** A thread of its own that puts reports into their place while there are many: who reports meanwhile is not held up. It ends by itself when there are few. */
export function createFoldThread({ apart, secret, log }: { apart: Apart; secret: string; log: Log }) {
  let starting: Thread | undefined
  let up: Thread | undefined
  let asked: Thread | undefined // that the answer is awaited from
  let answer: PromiseWithResolvers<Folded> | undefined
  let failedAt = Number.NEGATIVE_INFINITY
  let idle: NodeJS.Timeout | undefined

  function start() {
    if (starting || up || performance.now() - failedAt < restAfterFailure) return
    const workplace: Workplace = { path: apart.path, secret }
    const worker = new Worker(module, { workerData: workplace })
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const thread = { worker, ended }
    starting = thread
    worker.on('message', (outcome: Outcome) => hear(thread, outcome))
    worker.on('error', (error) => gone(thread, error))
    worker.on('exit', () => {
      gone(thread, new Error('The thread that folds reports has ended'))
      resolve()
    })
  }

  function hear(thread: Thread, outcome: Outcome) {
    if (outcome === 'ready') return ready(thread)
    if ('failed' in outcome)
      answer?.reject(Object.assign(new Error(`Reports were not folded: ${outcome.failed.name}`), outcome.failed))
    else answer?.resolve(outcome)
  }

  function ready(thread: Thread) {
    if (thread !== starting) return
    starting = undefined
    up = thread
    endWhenIdle()
  }

  function gone(thread: Thread, error: unknown) {
    if (thread === asked) answer?.reject(error) // one that was told to end says nothing of what the next is at
    if (thread !== starting && thread !== up) return
    log.error({ err: error }, 'the thread that folds reports is gone; the hub does it by itself')
    failedAt = performance.now()
    starting = undefined
    up = undefined
  }

  function endWhenIdle() {
    clearTimeout(idle)
    idle = setTimeout(() => void stop(), idleAtMost).unref()
  }

  async function stop() {
    clearTimeout(idle)
    const thread = up ?? starting
    starting = undefined
    up = undefined
    if (!thread) return
    await answer?.promise.catch(() => {})
    const order: Order = 'end'
    thread.worker.postMessage(order, [])
    await thread.ended
  }

  return {
    /** Whether it may be given work. */
    isUp: () => up !== undefined,

    /** There is much to do: begins the thread where there is none, and keeps it. */
    start() {
      if (up) endWhenIdle()
      else start()
    },

    /** Has it put the oldest reports, of so many bytes, into their place; gives what that came to, undefined where none waits. */
    fold: (bytes: number) =>
      apart.take(bytes, (taken) => {
        answer = Promise.withResolvers<Folded>()
        asked = up
        const order: Order = taken
        if (up) up.worker.postMessage(order, [])
        else answer.reject(new Error('There is no thread that folds reports'))
        return answer.promise
      }),

    /** Ends the thread, once it has done what it is at. */
    stop
  }
}
