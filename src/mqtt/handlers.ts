import type { Device } from '../features/devices/columns.ts'
import { readStatus } from '../features/devices/status.ts'
import type { Hub } from '../hub.ts'
import { forbidden } from '../lib/errors.ts'
import { linesOf } from '../lib/text.ts'
import type { Principal } from './principals.ts'
import { type Topic, topics } from './topics.ts'

type OfDevice = { team: string; name: string }
type Message = { hub: Hub; device: Device; payload: string }
type Handler = { topic: Topic<OfDevice>; handle(message: Message): Promise<void> }

/** Everything that a client may publish: what a device says of itself. Each is stored when its promise resolves. */
export const handlers: Handler[] = [
  { topic: topics.deviceStatus, handle: ({ hub, device, payload }) => hub.reports.status(device, readStatus(payload)) },
  { topic: topics.deviceLog, handle: ({ hub, device, payload }) => hub.reports.log(device, linesOf(payload)) }
]

/** Stores what a client publishes; gives the device that it is of. Throws `forbidden` for what is not its own to publish, `invalid` for what makes no sense. */
export async function handlePublish(hub: Hub, principal: Principal, topic: string, payload: string) {
  for (const handler of handlers) {
    const target = handler.topic.match(topic)
    if (!target) continue
    if (principal.kind !== 'device' || principal.device.team !== target.team || principal.device.name !== target.name) break
    await handler.handle({ hub, device: principal.device, payload })
    return principal.device
  }
  throw forbidden('Nobody but the device itself publishes there')
}
