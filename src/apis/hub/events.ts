import { Elysia, t } from 'elysia'
import type { Notice } from '../../features/notices/kinds.ts'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { signedIn, userSecurity } from '../access.ts'
import { says } from '../openapi.ts'
import { streamText } from '../streams.ts'

const asEvent = ({ seq, type, at, data }: Notice) =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ at: at.toISOString(), ...data })}\n\n`

/** `GET /events`: what has changed, as server-sent events. */
export const eventRoutes = (hub: Hub) =>
  new Elysia({ tags: ['events'], detail: { security: userSecurity } }).use(signedIn(hub)).get(
    '/events',
    async ({ caller, query, request, server }) => {
      const start = startOf(request.headers.get('last-event-id') ?? query.after)
      server?.timeout(request, 0)
      const viewer = { id: caller.id, seesAll: caller.role !== 'USER' }
      let from = start ?? (await hub.notices.latest())
      let greeting = ': connected\n\n' + (await gapNotice(hub, start))
      const read = async () => {
        // The reader's right to read is asked for anew at every turn: accounts go, tokens end, roles change.
        if (Date.now() >= caller.expiresAt || !(await hub.accounts.exists(caller.id))) return undefined
        const { notices, next } = await hub.notices.after(from, viewer)
        from = next
        const text = greeting + notices.map(asEvent).join('')
        greeting = ''
        return text
      }
      return streamText({
        read,
        onNews: hub.notices.listen,
        stopping: hub.stopping,
        type: 'text/event-stream',
        beat: ': beat\n\n'
      })
    },
    {
      query: t.Object({ after: t.Optional(t.String({ description: 'Replay what came after this event id', examples: ['0'] })) }),
      detail: says({
        summary: 'What has changed, then what changes',
        description:
          'Server-sent events in commit order. `after` (or the header `Last-Event-ID`) replays from that point on; without it only what is to come is told. ' +
          'You see the events of your teams; AUDITOR and SUPER_ADMIN see all. An event `gap` says that some asked for are no longer kept.',
        gives: {
          200: { description: 'A stream that does not end', content: { 'text/event-stream': { schema: { type: 'string' } } } }
        },
        errors: { invalid: '`after` is not an event id' }
      })
    }
  )

function startOf(given: string | undefined) {
  if (given === undefined || given === '') return undefined
  if (!/^\d{1,15}$/.test(given)) throw invalid('after must be the id of an event')
  return Number(given)
}

/** Tells a reader who asks for what retention has taken away that it did. */
async function gapNotice(hub: Hub, start: number | undefined) {
  const oldest = await hub.notices.oldest()
  const gone = start !== undefined && start > 0 && oldest > start + 1
  return gone ? `event: gap\ndata: ${JSON.stringify({ after: start, oldest })}\n\n` : ''
}
