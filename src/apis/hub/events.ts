import { Elysia, t } from 'elysia'
import type { Notice, NoticeType } from '../../features/notices/kinds.ts'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { signedIn, userSecurity } from '../access.ts'
import { says } from '../openapi.ts'
import { streamText } from '../streams.ts'

const asEvent = ({ seq, type, at, data }: Notice) =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ at: at.toISOString(), ...data })}\n\n`

const kinds: Record<NoticeType | 'gap', string> = {
  'account.created': 'A user has registered',
  'account.deleted': 'A user is gone',
  'account.password': 'The operator has set the password of a user',
  'account.role': 'A user has another role in the hub',
  'cli_key.created': 'You have a new CLI key',
  'cli_key.deleted': 'A CLI key of yours is gone',
  'team.created': 'You have made a team',
  'team.deleted': 'A team that you were in is gone',
  'member.set': 'A member has joined, or has another role',
  'member.removed': 'A member has left',
  'application.created': 'An application is there',
  'application.updated': 'An administrator has changed an application, or made it inactive or active again',
  'application.key_renewed': 'An application has another API key',
  'application.deleted': 'An application is gone, with its deployments and builds',
  'logs.stored': 'The log of an application has grown, by so many entries, to place `to`; told every few seconds at most',
  'device.registered': 'A device is there',
  'device.updated': 'A device has another board or tag',
  'device.associated': 'A device has another application',
  'device.status': 'A device reports another status, or runs another deployment',
  'device.relaunch': 'A device is to relaunch its app',
  'device.relaunch_told': 'The device has been told to',
  'device.deleted': 'A device is gone',
  'deployment.created': 'An image is deployed',
  'repo.added': 'You watch a repo',
  'repo.released': 'A repo that you watch has another latest release',
  'repo.assets': 'The latest release of a repo that you watch has other assets than before',
  'repo.removed': 'You watch a repo no longer',
  'task.status': 'A task of yours runs, has succeeded or has failed',
  'task.deleted': 'A task of yours is gone',
  'build.status': 'A build from source is queued, under way, done or failed',
  'release.published': 'A build is published',
  'release.withdrawn': 'A build is withdrawn',
  'release.reinstated': 'A withdrawn build is offered again',
  'package.created': 'A package is there; every signed-in user sees what happens to packages',
  'package.published': 'A recipe of a package can be had',
  'package.yanked': 'A version is hidden from lists, or (`yanked` is false) listed again',
  'package.latest': 'A package has another latest recipe, or (`latest` is null) none any more',
  'package.maintainer_set': 'A user may publish to a package',
  'package.maintainer_removed': 'A user may not publish to a package any more',
  gap: 'Events between `after` and `oldest` are no longer kept'
}

const kindsTable = `| event | when |\n|---|---|\n${Object.entries(kinds)
  .map(([kind, when]) => `| \`${kind}\` | ${when} |`)
  .join('\n')}`

const example = asEvent({
  seq: 42,
  type: 'device.status',
  at: new Date('2026-03-01T12:00:00Z'),
  data: { team: 'ada', device: 'lamp', device_id: '0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c', status: 'running', running_id: 87 }
})

/** `GET /events`: what has changed, as server-sent events. */
export const eventRoutes = (hub: Hub) =>
  new Elysia({ tags: ['events'], detail: { security: userSecurity } }).use(signedIn(hub)).get(
    '/events',
    async ({ caller, query, request, server }) => {
      const start = startOf(request.headers.get('last-event-id') ?? query.after)
      server?.timeout(request, 0)
      let from = start ?? (await hub.notices.latest())
      let greeting = ': connected\n\n' + (await gapNotice(hub, start))
      const read = async () => {
        // The reader's right to read is asked for anew at every turn: accounts and keys go, tokens end, roles change.
        const role = await hub.accounts.roleOf(caller)
        if (role === undefined) return undefined
        const { notices, next } = await hub.notices.after(from, { id: caller.id, seesAll: role !== 'USER' })
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
      query: t.Object({
        after: t.Optional(
          t.String({ description: 'Id of an event: replays what came after it; `0` replays all that is kept', examples: ['0'] })
        )
      }),
      detail: says({
        summary: 'What has changed, then what changes',
        description:
          'Server-sent events, in the order in which they became true. `after` (or the header `Last-Event-ID`) replays from that point on; ' +
          'without it only what is to come is told. You see the events of your teams and of the repos that you watch; AUDITOR and SUPER_ADMIN see all.\n\n' +
          'The answer does not end; this page shows what comes within 3 seconds. To listen on: ' +
          '`curl -N -H "access_token: $TOKEN" …/events`\n\n' +
          kindsTable,
        gives: {
          200: {
            description: 'A stream that does not end',
            content: { 'text/event-stream': { schema: { type: 'string', examples: [example] } } }
          }
        },
        errors: { invalid: { '`after` is not the id of an event': 'after must be the id of an event' } }
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
