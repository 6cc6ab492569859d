import { parser } from 'mqtt-packet'
import { connackBytes } from '../encoding.ts'
import type { FieldParser, ParsedPacket } from './aedes.ts'
import { faultOf } from './packets.ts'
import { Refusal } from './refusals.ts'

const versionError = 'Invalid protocol version'

// One for all connections: a packet is whole when its fields are read, so nothing of it is left for the next.
const fields = parser().on('error', () => {}) as unknown as FieldParser // what is wrong it keeps too
const nothing = Buffer.alloc(0)
const noSettings = {}

/** Reads the fields of a packet, given its header and all that follows it. Throws a `Refusal` where it is malformed. */
export function readFields(packet: ParsedPacket, body: Buffer): ParsedPacket {
  const read = packet.cmd === 'publish' ? readPublish(packet, body) : readOthers(packet, body)
  const fault = faultOf(packet, read)
  if (fault) throw fault
  return packet
}

/** Most packets are of this kind: it has few fields, and is read without the ado of mqtt-packet. */
function readPublish(packet: ParsedPacket, body: Buffer) {
  const end = body.length < 2 ? 2 : 2 + body.readUInt16BE(0)
  const start = packet.qos > 0 ? end + 2 : end
  if (start > body.length) return start
  packet.topic = body.toString('utf8', 2, end)
  if (packet.qos > 0) packet.messageId = body.readUInt16BE(end)
  packet.payload = body.subarray(start)
  return body.length
}

/** Gives how far the fields go. */
function readOthers(packet: ParsedPacket, body: Buffer) {
  fields.packet = packet
  fields.error = null
  fields._list = body
  fields._pos = 0
  try {
    fields._parsePayload()
  } catch {
    throw new Refusal('malformed', 'fields past the end of the packet')
  } finally {
    fields._list = nothing
    fields.settings = noSettings // else those of one client's CONNECT would hold for the next client
  }
  if (fields.error) throw faultOfError(fields.error)
  return fields._pos
}

function faultOfError({ message }: Error) {
  if (message !== versionError) return new Refusal('malformed', message)
  return new Refusal('protocol_version', message, connackBytes(1)) // [MQTT-3.1.2-2]
}
