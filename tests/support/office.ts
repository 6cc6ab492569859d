import { type TestHub, testHub } from './hub.ts'

/** The application of document 004's examples. */
export const mine = { name: 'My Application', slug: 'my-app', domain: 'myapp.com', stack: 'nodejs' }

/** The id that document 004's examples have, which no application has. */
export const nowhere = '550e8400-e29b-41d4-a716-446655440000'

/** How document 004 says no. */
export const no = (message: string) => ({ success: false, message })

export type Made = { id: string; name: string; slug: string; apiKey: string }

/** A hub whose administrator makes and lists applications. */
export async function office(options: Parameters<typeof testHub>[0] = {}) {
  const hub = await testHub(options)
  const root = await hub.root()
  return {
    hub,
    root,
    make: async (application: object = mine) =>
      ((await root.call('POST /api/v1/applications', application)).body as { data: Made }).data,
    /** Sends log entries: one, or text as lines of JSON. */
    say: (apiKey: string, entry: object | string | ReadableStream<Uint8Array>) => say(hub, apiKey, entry),
    list: async (query = '') => (await root.call(`GET /api/v1/applications${query}`)).body as { data: Made[]; next?: string },
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]()
  }
}

const ndjson = { 'content-type': 'application/x-ndjson' }

function say(hub: TestHub, apiKey: string, entry: object | string | ReadableStream<Uint8Array>) {
  const asLines = typeof entry === 'string' || entry instanceof ReadableStream
  const headers = { 'x-api-key': apiKey, ...(asLines ? ndjson : {}) }
  return hub.call('POST /api/v1/logs', asLines ? undefined : entry, { headers, ...(asLines ? { raw: entry } : {}) })
}

/** A user whom the administrator has made AUDITOR. */
export async function auditorOf(hub: TestHub) {
  const auditor = await hub.user('audrey')
  const { id } = (await auditor.call('GET /me')).body as { id: string }
  await (await hub.root()).call(`PUT /api/v1/users/${id}/role`, { role: 'AUDITOR' })
  return auditor
}
