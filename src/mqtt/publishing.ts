import type { Hub } from '../hub.ts'
import { linesOf } from '../lib/text.ts'
import { pubackBytes } from './encoding.ts'
import type { AedesClient, ParsedPacket } from './guards/aedes.ts'
import { type Publish, type Reading, readMessage } from './handlers.ts'
import { createRelief } from './relief.ts'
import type { Reports } from './reports.ts'
import type { Work } from './work.ts'

const linesTogether = 500

/** A message that is to be stored. `isWill`: of a client that has gone; `done` is called once it is stored, or with why not. */
type Message = Publish & { isWill?: boolean; done?(error?: Error): void }

/** The next messages of a client, as one; or what is wrong with the first of them. */
type Batch = { messages: Message[] } & (Reading | { error: Error })

export type Publishing = ReturnType<typeof createPublishing>

/**
 * What clients publish, each client's in the order in which it came: stored, told to those who listen, and then
 * acknowledged [MQTT-4.6.0-2]. Log lines that came one behind the other are stored together. Aedes would have a turn, a
 * promise or two and a dozen objects for each, and pass it on to nobody.
 */
export function createPublishing({ hub, reports, work }: { hub: Hub; reports: Reports; work: Work }) {
  const relieve = createRelief()
  const queues = new WeakMap<AedesClient, Message[]>()
  const refused = new WeakSet<AedesClient>() // who has published what it may not: what it sent after that does not count either

  async function storeAll(client: AedesClient, queue: Message[]) {
    await Promise.resolve() // what comes in the same chunk is there
    while (queue.length > 0) {
      const batch = takeBatch(client, queue)
      const error = await store(client, batch)
      if (error) refused.add(client)
      for (const message of batch.messages) settle(client, message, error)
    }
    queues.delete(client)
  }

  /** Gives why not, if so. */
  async function store(client: AedesClient, batch: Batch) {
    if ('error' in batch) return batch.error
    const { device, said, messages } = batch
    if (refused.has(client) && !messages[0]?.isWill) return new Error('cut off before this')
    try {
      if ('status' in said) await hub.reports.status(device, said.status)
      else await hub.reports.log(device, said.lines)
    } catch (error) {
      return error as Error
    }
    for (const message of messages) reports.tell(device.teamId, message)
    return undefined
  }

  function settle(client: AedesClient, { qos, messageId = 0, done }: Message, error: Error | undefined) {
    if (done) return done(error)
    if (!error && qos > 0) client.conn.write(pubackBytes(messageId)) // what is acknowledged is stored [MQTT-4.3.2-2]
    if (!client.closed) client._nextBatch(error)
  }

  function add(client: AedesClient, message: Message) {
    const queue = queues.get(client)
    if (queue) return void queue.push(message)
    const first = [message]
    queues.set(client, first)
    work.run('storing what a client published', storeAll(client, first))
  }

  return {
    /** Takes a PUBLISH; it is dealt with when `_parsingBatch` says so. */
    publish(client: AedesClient, packet: ParsedPacket) {
      client._parsingBatch++
      relieve(packet.length)
      add(client, packet)
    },

    /** Publishes the will of a client that has gone [MQTT-3.1.2-8]. */
    publishWill: (client: AedesClient, will: Publish, done: (error?: Error) => void) =>
      add(client, { ...will, isWill: true, done })
  }
}

/** Takes the next message out of a queue; with a line for the log, those for the log right behind it, up to so many lines. */
function takeBatch({ principal }: AedesClient, queue: Message[]): Batch {
  try {
    const reading = readMessage(principal, queue[0])
    const count = 'lines' in reading.said ? joinLines(reading.said.lines, queue) : 1
    return { ...reading, messages: queue.splice(0, count) }
  } catch (error) {
    return { error: error as Error, messages: queue.splice(0, 1) }
  }
}

/** Adds the lines of the messages behind the first; gives how many messages these are now. */
function joinLines(lines: string[], queue: Message[]) {
  let count = 1
  for (let next = queue[count]; next && next.topic === queue[0]?.topic; next = queue[++count]) {
    const more = linesOf(next.text)
    if (lines.length + more.length > linesTogether) break
    lines.push(...more)
  }
  return count
}
