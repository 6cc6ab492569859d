import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { createTurns } from '../../lib/turns.ts'
import { type Asked, applicationOf, keyed, keySecurity } from '../access.ts'
import { described, says } from '../openapi.ts'
import { complaints, entryBytesAtMost, typeRule } from './log-entry.ts'
import { batchesUnderWay, isLines, type Received, receiveLines, receiveOne } from './log-receipt.ts'
import * as model from './logs-model.ts'

const example = '{"log_type":"audit","payload":{"user":"ada","action":"login"}}\n{"log_type":"error","payload":"disk full"}\n'

function said({ accepted, refused, rejected }: Received) {
  const stored = `${accepted} ${accepted === 1 ? 'entry' : 'entries'} stored`
  return { success: true, message: refused > 0 ? `${stored}, ${refused} rejected` : stored, data: { accepted, rejected } }
}

type Server = Asked['server'] & ({ timeout(request: Request, seconds: number): void } | null)

/** `POST /api/v1/logs`: what programs say, by the API key of their application. */
export const sendingRoutes = (hub: Hub) => {
  const turns = createTurns(batchesUnderWay)

  function lines(request: Request, server: Server) {
    server?.timeout(request, 0) // the server would count from the first byte; a silent sender is given up after a while
    // A key that is replaced while its lines still come is refused from there on.
    return receiveLines({ hub, request, turns, permit: () => applicationOf(hub, { request, server }) })
  }

  return new Elysia({ tags: model.logTags, detail: { security: keySecurity } }).use(keyed(hub)).post(
    '/api/v1/logs',
    async ({ request, server, application, set }) => {
      const received = isLines(request) ? await lines(request, server) : await receiveOne(hub, application, request)
      set.status = 201
      return said(received)
    },
    {
      parse: 'none',
      response: { 201: described(model.received, 'Stored') },
      detail: says({
        summary: 'Send log entries',
        description:
          'One entry as JSON, or any number of them as lines of JSON under the type `application/x-ndjson`: those are stored as they come, so a ' +
          'program may pipe its log into one request. The answer comes once everything is stored. A line that is no entry loses no other: it is ' +
          'told in `rejected`, the first hundred of them. Five minutes of silence end it. ' +
          `\`payload\` is any JSON and is kept to the letter; an entry has at most ${entryBytesAtMost} bytes. The key says whose entries they are.`,
        takes: {
          'application/json': { ...model.newEntry, required: ['log_type', 'payload'] },
          'application/x-ndjson': { type: 'string', description: 'An entry a line', examples: [example] }
        },
        errors: {
          unauthorized: {
            'No API key': 'Authentication required. Provide API key via X-API-Key header',
            'An API key that is none, or has been replaced': 'Invalid API key'
          },
          forbidden: { 'The application is inactive': 'Application is inactive' },
          invalid: {
            'The entry is none': complaints.noType,
            'Its type is no name': typeRule,
            'Not one line is an entry': `None of 2 entries could be stored; line 1: ${complaints.noType}`
          },
          tooLarge: { 'The entry is too large': `The body may have at most ${entryBytesAtMost} bytes` },
          tooMany: { 'Too many wrong keys from your address': '' }
        }
      })
    }
  )
}
