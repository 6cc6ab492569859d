import { join } from 'node:path'
import type { Workplace } from '../workplace.ts'
import type { Requests } from './requests.ts'

/**
 * `seconds`: how long, or `once` for until each request was answered once; `status`: what every answer must have; `pause`:
 * ms that a connection waits before it asks again.
 */
export type HttpLoad = {
  port: number
  connections: number
  seconds: number | 'once'
  requests: Requests
  status: number
  pause?: number
}

/** Times in ms; `busy`: how much of a core the generator itself was at work; `example`: of a wrong answer. */
export type HttpOutcome = {
  answered: number
  wrong: number
  example: string
  seconds: number
  p50: number
  p99: number
  worst: number
  busy: number
}

/** Puts load on a server from a process of its own; gives what came back. */
export async function httpLoad(workplace: Workplace, load: HttpLoad): Promise<HttpOutcome> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpOutcome>()
  const onMessage = (message: unknown) => {
    const { outcome, failed } = message as { outcome?: HttpOutcome; failed?: string }
    if (outcome) resolve(outcome)
    else reject(new Error(`HTTP load failed: ${failed}`))
  }
  const child = workplace.start([process.execPath, join(import.meta.dir, 'http-process.ts')], { onMessage })
  void child.exited.then(() => reject(new Error('the HTTP load generator ended')))
  child.send(load)
  try {
    return await promise
  } finally {
    await workplace.stop(child)
  }
}
