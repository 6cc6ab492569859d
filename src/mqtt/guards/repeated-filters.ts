import { generate } from 'mqtt-packet'
import type { AedesClient, ParsedPacket } from './aedes.ts'

const refused = 128

/** Whether a SUBSCRIBE names a filter more than once. */
export const namesTwice = ({ cmd, subscriptions = [] }: ParsedPacket) =>
  cmd === 'subscribe' && new Set(subscriptions.map(({ topic }) => topic)).size < subscriptions.length

/**
 * Takes a SUBSCRIBE that names a filter more than once as if each came for itself: the last one counts [MQTT-3.8.4-4], and
 * each gets its return code [MQTT-3.9.3-1]. Aedes would leave out those of the others.
 */
export function subscribeToEach(client: AedesClient, { subscriptions = [], messageId = 0 }: ParsedPacket) {
  const last = new Map(subscriptions.map(({ topic, qos }) => [topic, { topic, qos }]))
  const codeOf = ({ topic, qos }: { topic: string; qos: number }) => (last.get(topic)?.qos === refused ? refused : qos)
  client._parsingBatch++
  // Without a message identifier Aedes sends no answer. It says so when it has granted or refused each, and a moment later which.
  client.subscribe({ subscriptions: [...last.values()] } as never, (error) => {
    queueMicrotask(() => {
      if (!error) client.conn.write(generate({ cmd: 'suback', messageId, granted: subscriptions.map(codeOf) }))
      client._nextBatch(error)
    })
  })
}
