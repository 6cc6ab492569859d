import { createBoard } from './board.ts'
import type { Firmware } from './firmware.ts'
import { createHttpDevice } from './http-device.ts'
import type { Journal } from './journal.ts'
import { createMqttDevice } from './mqtt-device.ts'
import { signUp } from './user.ts'

export const app = 'blinker'

export type Ports = { http: number; mqtt: number }
export type Fleet = Awaited<ReturnType<typeof createFleet>>

/** A user with an application and three devices, each of which speaks to the hub in its own way. None is switched on yet. */
export async function createFleet({ ports, journal, sources }: { ports: Ports; journal: Journal; sources: Firmware[] }) {
  const base = `http://127.0.0.1:${ports.http}`
  const user = await signUp(base, 'ada')
  await user.call(`POST /${user.team}/apps`, { app_name: app })

  async function prepare(name: string, speaks: string) {
    const secret = await user.addDevice(name, app)
    return { board: createBoard({ name, speaks, journal, sources }), secret, journal }
  }
  const common = { base, team: user.team }
  const lamp = createMqttDevice({ ...(await prepare('lamp', 'MQTT')), ...common, broker: `mqtt://127.0.0.1:${ports.mqtt}` })
  const meter = createHttpDevice({ ...(await prepare('meter', 'HTTP/1.0')), port: ports.http })
  const door = createMqttDevice({
    ...(await prepare('door', 'MQTT, WebSocket')),
    ...common,
    broker: `ws://127.0.0.1:${ports.http}/mqtt`
  })

  return {
    user,
    lamp,
    meter,
    door,
    /** Switches all devices off. */
    [Symbol.asyncDispose]: async () => void (await Promise.allSettled([lamp.disconnect(), meter.stop(), door.disconnect()]))
  }
}
