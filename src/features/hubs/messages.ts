import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'

const ids = Type.Optional(Type.Array(Type.String()))

/**
 * What hubs tell each other. `node`: what the sender is known by in the tables, this time and the next; `arrived`: sessions of MQTT clients that have just connected, in the sender's `batch`; `left`:
 * devices that have no connection any more; `here`: devices that have one, in answer to a `hello`, with `anew` in the
 * first part; `bye`: the sender is going. A message with nothing in it says that the sender is there.
 */
const Message = Type.Object({
  from: Type.String(),
  node: Type.Optional(Type.String()),
  batch: Type.Optional(Type.Integer()),
  arrived: ids,
  left: ids,
  here: ids,
  anew: Type.Optional(Type.Literal(true)),
  hello: Type.Optional(Type.Literal(true)),
  bye: Type.Optional(Type.Literal(true))
})

export type Message = Static<typeof Message>

const message = Compile(Message)
const bytesAtMost = 7000 // a NOTIFY takes less than 8,000

/** A message as it is told. */
export const written = (said: Message) => JSON.stringify(said)

/** What a text says; undefined for one that no hub of this kind has written. */
export function read(text: string): Message | undefined {
  try {
    const said: unknown = JSON.parse(text)
    return message.Check(said) ? said : undefined
  } catch {
    return undefined
  }
}

/** Names in parts that each fit into a message. */
export function inParts(names: Iterable<string>): string[][] {
  const parts: string[][] = []
  let size = bytesAtMost
  for (const name of names) {
    const bytes = Buffer.byteLength(JSON.stringify(name)) + 1
    if (size + bytes > bytesAtMost) {
      parts.push([])
      size = 0
    }
    parts.at(-1)?.push(name)
    size += bytes
  }
  return parts
}
