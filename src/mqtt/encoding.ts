/** A PUBLISH to be sent; `messageId` only counts above QoS 0. */
export type Publish = { topic: string; payload: Uint8Array; qos: 0 | 1; retain: boolean; dup: boolean; messageId?: number }

/** The bytes of a PUBLISH [MQTT-3.3.1]. mqtt-packet would make six pieces of it. */
export function publishBytes({ topic, payload, qos, retain, dup, messageId = 0 }: Publish) {
  const topicLength = Buffer.byteLength(topic)
  const length = 2 + topicLength + 2 * qos + payload.length
  const bytes = Buffer.allocUnsafe(1 + lengthBytes(length) + length)
  bytes[0] = 0x30 | (Number(dup) << 3) | (qos << 1) | Number(retain)
  let at = writeLength(bytes, length)
  at = bytes.writeUInt16BE(topicLength, at)
  at += bytes.write(topic, at)
  if (qos > 0) at = bytes.writeUInt16BE(messageId, at)
  bytes.set(payload, at)
  return bytes
}

/** How many bytes a remaining length takes: seven bits in each [MQTT-2.2.3]. */
const lengthBytes = (length: number) => (length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4)

function writeLength(bytes: Buffer, length: number) {
  let at = 1
  for (let rest = length; ; rest >>= 7) {
    bytes[at++] = rest > 127 ? (rest & 127) | 128 : rest
    if (rest <= 127) return at
  }
}

/** The bytes of a CONNACK [MQTT-3.2]. One that refuses has no session [MQTT-3.2.2-4]. */
export const connackBytes = (code: number, isTakenUp?: boolean) => Buffer.from([0x20, 2, Number(isTakenUp ?? false), code])

/** The bytes of a PUBACK [MQTT-3.4]. */
export const pubackBytes = (messageId: number) => Buffer.from([0x40, 2, messageId >> 8, messageId & 255])
