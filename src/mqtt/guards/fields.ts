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

/** Reads the fields of a packet, which lie behind its header from there on. Throws a `Refusal` where it is malformed. */
export function readFields(packet: ParsedPacket, bytes: Buffer, from: number): ParsedPacket {
  const read = packet.cmd === 'publish' ? readPublish(packet, bytes, from) : readOthers(packet, bytes, from)
  const fault = faultOf(packet, read)
  if (fault) throw fault
  return packet
}

/** Most packets are of this kind: it has few fields, and is read without the ado of mqtt-packet. Gives how far they go. */
function readPublish(packet: ParsedPacket, bytes: Buffer, from: number) {
  const { length, qos } = packet
  const topic = length < 2 ? length : bytes.readUInt16BE(from)
  const start = 2 + topic + (qos > 0 ? 2 : 0)
  if (start > length) return start
  packet.topic = bytes.toString('utf8', from + 2, from + 2 + topic)
  if (qos > 0) packet.messageId = bytes.readUInt16BE(from + 2 + topic)
  packet.text = bytes.toString('utf8', from + start, from + length)
  if (packet.text.includes('\ufffd')) packet.payload = Buffer.from(bytes.subarray(from + start, from + length))
  return length
}

/** Gives how far the fields go. They are read from a copy: what has arrived is not kept for a part of it. */
function readOthers(packet: ParsedPacket, bytes: Buffer, from: number) {
  fields.packet = packet
  fields.error = null
  fields._list = Buffer.from(bytes.subarray(from, from + packet.length))
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
