import type { Device } from '../features/devices/columns.ts'
import { readStatus, type StatusReport } from '../features/devices/status.ts'
import { forbidden } from '../lib/errors.ts'
import { linesOf } from '../lib/text.ts'
import type { ParsedPacket } from './guards/aedes.ts'
import type { Principal } from './principals.ts'
import { type Topic, topics } from './topics.ts'

/** A message that a client publishes. */
export type Publish = Pick<ParsedPacket, 'topic' | 'text' | 'payload' | 'qos' | 'messageId'>

/** What a device says of itself in a message. */
export type Reading = { device: Device; said: { status: StatusReport } | { lines: string[] } }

type Handler = { topic: Topic<Pick<Device, 'team' | 'name'>>; read(text: string): Reading['said'] }

/** Everything that a client may publish. */
const handlers: Handler[] = [
  { topic: topics.deviceStatus, read: (text) => ({ status: readStatus(text) }) },
  { topic: topics.deviceLog, read: (text) => ({ lines: linesOf(text) }) }
]

/** What a message says. Throws `forbidden` for what is not the client's own to publish, `invalid` for what makes no sense. */
export function readMessage(principal: Principal | undefined, message: Publish | undefined): Reading {
  const device = principal?.kind === 'device' ? principal.device : undefined
  const handler = device && message && handlers.find(({ topic }) => topic.is(message.topic, device))
  if (!handler) throw forbidden('Nobody but the device itself publishes there')
  return { device, said: handler.read(message.text) }
}
