import type { Requests } from '../load/requests.ts'
import { httpFigures, type Row } from '../measure/row.ts'
import { startScript } from '../servers/bare.ts'
import { startHub } from '../servers/hub.ts'
import { httpSide } from './http-side.ts'

const connections = 64
const devices = 1000

/** A heartbeat as devices send it, with a line for the log. */
export const heartbeats = (count: number): Requests => ({
  method: 'PUT',
  path: '/devices/{secret}/heartbeat?status=running',
  body: 'temperature 21.5, 38 % free\n',
  devices: count
})

/** Heartbeats, stored before they are answered. */
export const heartbeat: Row = {
  name: 'heartbeat',
  title: `heartbeat with a log line, stored before answered, ${connections} connections`,
  against: 'bare Bun.serve returning text',
  figures: httpFigures(0.35, 0.5),
  obstacle: () => undefined,
  async open({ workplace, seconds }) {
    const [hub, bare] = [await startHub(workplace, { devices }), await startScript(workplace, 'bare-server.ts')]
    const load = { connections, seconds, requests: heartbeats(devices), status: 200 }
    return {
      hub: await httpSide(workplace, hub, { ...load, port: hub.port }),
      peer: await httpSide(workplace, bare, { ...load, port: bare.port })
    }
  }
}
