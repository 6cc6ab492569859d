import { within } from './bare.ts'

export type Event = { id: number; type: string; data: Record<string, unknown> }
type Sender = { send: (route: string, body?: object, more?: { headers: Record<string, string> }) => Promise<Response> }

/** Reads server-sent events, one at a time. */
export async function eventsOf(who: Sender, query = '', headers: Record<string, string> = {}) {
  const response = await who.send(`GET /events${query}`, undefined, { headers })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  return {
    response,
    async next(): Promise<Event | undefined> {
      for (;;) {
        const end = text.indexOf('\n\n')
        const block = text.slice(0, end)
        if (end >= 0) text = text.slice(end + 2)
        if (end >= 0 && !block.startsWith(':')) return parse(block)
        if (end >= 0) continue
        const { done, value } = await within(reader.read(), 'an event')
        if (done) return undefined
        text += decoder.decode(value)
      }
    },
    [Symbol.asyncDispose]: () => reader.cancel()
  }
}

function parse(block: string): Event {
  const field = (name: string) => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1] ?? ''
  return { id: Number(field('id')), type: field('event'), data: JSON.parse(field('data')) }
}
