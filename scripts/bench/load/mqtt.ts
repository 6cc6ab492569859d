import { join } from 'node:path'
import type { Workplace } from '../workplace.ts'

/** Devices by their numbers; so many of them connect at once. */
export type Connecting = { port: number; numbers: number[]; atOnce: number }
export type Publishing = { port: number; numbers: number[] }

/** Times in ms: until the last device was there, or had acknowledged, and until so many had; `retries`: how often one was turned away. */
export type Told = { ms: number; p50: number; p99: number }
export type Connected = Told & { retries: number }

export type MqttCommand =
  | ({ do: 'connect' } & Connecting)
  | { do: 'drop' }
  | { do: 'deploy'; port: number; token: string }
  | ({ do: 'publish' } & Publishing)

export type MqttLoad = ReturnType<typeof createMqttLoad>

/** The numbers from 1 to `count`. */
export const firstOf = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

/** Simulated devices in a process of their own. */
export function createMqttLoad(workplace: Workplace) {
  let answer = Promise.withResolvers<unknown>()
  const script = join(import.meta.dir, 'mqtt-process.ts')
  const onMessage = (message: unknown) => {
    const { outcome, failed } = message as { outcome?: unknown; failed?: string }
    if (failed === undefined) answer.resolve(outcome)
    else answer.reject(new Error(failed))
  }
  const child = workplace.start([process.execPath, script], { onMessage })
  void child.exited.then(() => answer.reject(new Error('the MQTT load generator ended')))

  async function ask(command: MqttCommand) {
    answer = Promise.withResolvers<unknown>()
    child.send(command)
    return await answer.promise
  }

  return {
    /** Connects devices and subscribes each to its topics. */
    connect: (connecting: Connecting) => ask({ do: 'connect', ...connecting }) as Promise<Connected>,
    /** All connections break at once. */
    drop: () => ask({ do: 'drop' }),
    /** Deploys to the connected devices by the hub. */
    deploy: (port: number, token: string) => ask({ do: 'deploy', port, token }) as Promise<Told>,
    /** Publishes a message to each of the connected devices by any broker. */
    publish: (publishing: Publishing) => ask({ do: 'publish', ...publishing }) as Promise<Told>,
    stop: () => workplace.stop(child)
  }
}
