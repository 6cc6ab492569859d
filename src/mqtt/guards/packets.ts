import { byteAt, type Unread } from '../unread.ts'
import type { ParsedPacket } from './aedes.ts'
import { Refusal } from './refusals.ts'

const malformed = (message: string) => new Refusal('malformed', message)

const acknowledgements = new Set(['puback', 'pubrec', 'pubrel', 'pubcomp'])
const empty = new Set(['pingreq', 'disconnect'])
const numbered = new Set(['subscribe', 'unsubscribe', ...acknowledgements])
const lengthBytesAtMost = 4

// What clients send, and the flags that must stand beside it [MQTT-2.2.2-1]; those of a PUBLISH have a meaning.
const kinds = new Map([
  [1, { cmd: 'connect', flags: 0 }],
  [3, { cmd: 'publish', flags: undefined }],
  [4, { cmd: 'puback', flags: 0 }],
  [5, { cmd: 'pubrec', flags: 0 }],
  [6, { cmd: 'pubrel', flags: 2 }],
  [7, { cmd: 'pubcomp', flags: 0 }],
  [8, { cmd: 'subscribe', flags: 2 }],
  [10, { cmd: 'unsubscribe', flags: 2 }],
  [12, { cmd: 'pingreq', flags: 0 }],
  [14, { cmd: 'disconnect', flags: 0 }]
])

/** The fixed header of the packet that comes next; undefined where it is not all there. Throws where there is no such packet. */
export function headerOf(unread: Unread): ParsedPacket | undefined {
  const first = byteAt(unread, 0) ?? 0
  const kind = kinds.get(first >> 4)
  const flags = first & 15
  if (!kind || (kind.flags ?? flags) !== flags) throw malformed('no packet that clients send [MQTT-2.2.2-2]')
  const qos = (flags >> 1) & 3
  if (kind.flags === undefined && qos === 3) throw malformed('both bits of QoS are set [MQTT-3.3.1-4]')
  const dup = (flags & 8) !== 0
  const packet = { cmd: kind.cmd, size: 1, length: 0, qos, retain: (flags & 1) !== 0, dup, topic: '', text: '' }
  return readLength(unread, packet) ? packet : undefined
}

/** Reads how long a packet is behind its fixed header, and how long that is; gives whether it says so yet. */
function readLength(unread: Unread, packet: ParsedPacket) {
  for (let byte = 128; byte > 127; packet.size++) {
    const next = byteAt(unread, packet.size)
    if (next === undefined) return false
    if (next > 127 && packet.size === lengthBytesAtMost) throw malformed('a length of more than four bytes')
    packet.length += (next & 127) * 128 ** (packet.size - 1)
    byte = next
  }
  return true
}

/** What is wrong with a packet by its fixed header alone, before any more of it is kept. `isConnected`: its CONNECT has come. */
export function faultOfHeader({ cmd, qos, retain, dup }: ParsedPacket, isConnected: boolean) {
  if (cmd === 'connect') return isConnected ? malformed('a second CONNECT [MQTT-3.1.0-2]') : undefined
  if (!isConnected) return malformed('the first packet is no CONNECT [MQTT-3.1.0-1]')
  if (cmd !== 'publish') return undefined
  if (qos === 2) return new Refusal('not_offered', 'QoS 2 is not offered')
  // What is retained is a view of the database. To take it and not keep it would break [MQTT-3.3.1-5].
  if (retain) return new Refusal('not_offered', 'clients retain nothing')
  if (dup && qos === 0) return malformed('DUP at QoS 0 [MQTT-3.3.1-2]')
  return undefined
}

/** What is wrong with a parsed packet that mqtt-packet lets pass. `read`: how many bytes its fields took. */
export function faultOf(packet: ParsedPacket, read: number): Refusal | undefined {
  const { cmd, length, qos, messageId = 0 } = packet
  if (read > length) return malformed('fields past the end of the packet')
  if ((numbered.has(cmd) || (cmd === 'publish' && qos > 0)) && messageId < 1)
    return malformed('no packet identifier [MQTT-2.3.1-1]')
  if (acknowledgements.has(cmd) && length !== 2) return malformed('an acknowledgement of another length')
  if (empty.has(cmd) && length !== 0) return malformed('bytes in a packet that has none')
  return cmd === 'connect' ? faultOfConnect(packet) : faultOfFilters(packet)
}

function faultOfConnect({ protocolId, protocolVersion, bridgeMode, will, ...packet }: ParsedPacket) {
  const isKnown = protocolId === 'MQTT' ? protocolVersion !== 3 : protocolVersion === 3
  if (!isKnown || bridgeMode) return new Refusal('protocol_version', 'neither MQTT 3.1.1 nor 3.1 [MQTT-3.1.2-1]')
  if (packet.password && packet.username === undefined) return malformed('a password without a name [MQTT-3.1.2-22]')
  if (will && will.qos > 2) return malformed('a will at QoS 3 [MQTT-3.1.2-14]')
  const texts = [packet.clientId, packet.username, will?.topic]
  if (texts.some((text) => text !== undefined && !isText(text))) return malformed('not UTF-8 without NUL [MQTT-1.5.3-1]')
  return undefined
}

function faultOfFilters({ cmd, subscriptions, unsubscriptions }: ParsedPacket) {
  const filters = cmd === 'subscribe' ? subscriptions : unsubscriptions
  return filters?.length === 0 ? malformed('no filter [MQTT-3.8.3-3] [MQTT-3.10.3-2]') : undefined
}

/** Whether a text was UTF-8 without NUL [MQTT-1.5.3-1] [MQTT-1.5.3-2]: what is not UTF-8 is parsed as U+FFFD. */
const isText = (text: string) => !/[\0\ufffd]/.test(text)
