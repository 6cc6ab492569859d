import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { userSecurity } from '../access.ts'
import { described, says } from '../openapi.ts'
import { auditing, notAuditor } from './access.ts'
import { followLog, pageOf } from './log-pages.ts'
import * as model from './logs-model.ts'
import { sendingRoutes } from './logs-send.ts'

/** `/api/v1/logs`: what programs and devices have said, sent, read and verified. */
export const logRoutes = (hub: Hub) => new Elysia().use(sendingRoutes(hub)).use(readingRoutes(hub)).use(verifyingRoutes(hub))

const readingRoutes = (hub: Hub) =>
  new Elysia({ tags: model.logTags, detail: { security: userSecurity } }).use(auditing(hub)).get(
    '/api/v1/logs',
    ({ query, caller, request, server }) => {
      const { application_id: applicationId, log_type: type, limit = 100 } = query
      const cursor = query.cursor === undefined ? undefined : Number(query.cursor)
      if (query.follow !== true) return pageOf(hub, { applicationId, type, before: cursor, limit })
      server?.timeout(request, 0)
      return followLog(hub, { applicationId, type, after: cursor, caller })
    },
    {
      query: model.listing,
      detail: says({
        summary: 'Log entries',
        description:
          'Of every application or of one, of every type or of one, newest first: give `next` as `cursor` for what is older. Lines of devices are ' +
          'entries of the type `device`. With `follow=true` the answer does not end: a line of JSON for each entry after `cursor`, or else for what comes from ' +
          'now on, oldest first, and an empty line as a sign of life. `GET /events` tells by `logs.stored` that there are new ones. For AUDITOR and SUPER_ADMIN.',
        gives: {
          200: {
            description: 'The entries; with `follow=true` a stream that does not end',
            content: {
              'application/json': { schema: model.listed },
              'application/x-ndjson': { schema: { type: 'string', examples: [model.exampleLine] } }
            }
          }
        },
        errors: { ...notAuditor, invalid: { 'The limit makes no sense': `limit must be between 1 and ${model.pageAtMost}` } }
      })
    }
  )

const verifyingRoutes = (hub: Hub) =>
  new Elysia({ tags: model.logTags, detail: { security: userSecurity } }).use(auditing(hub)).get(
    '/api/v1/logs/verify-chain',
    async ({ query: { application_id: id }, request, server }) => {
      server?.timeout(request, 0) // a long log takes its time
      await hub.administration.byId(id)
      const { broken, ...found } = await hub.logs.verify(id, request.signal)
      return { success: true, data: { application_id: id, intact: !broken, ...found, ...(broken ? { broken } : {}) } }
    },
    {
      query: model.verifying,
      response: { 200: described(model.verified, 'What the check has found') },
      detail: says({
        summary: 'Check the log of an application',
        description:
          'Each entry is held by a hash over its place, its type, its payload and the hash before it (HMAC-SHA-256 with a key of the hub), and the ' +
          'end of the log is signed. So an entry that was changed, removed, moved or added outside the hub is found, and so is an end that was cut ' +
          'off. What LOG_RETENTION has taken is left out: the check begins at the signed place up to which it went. A long log takes some seconds a ' +
          'million entries. For AUDITOR and SUPER_ADMIN.',
        errors: {
          ...notAuditor,
          invalid: { 'No application is named': 'application_id is required' },
          missing: { 'No such application': 'Application not found' }
        }
      })
    }
  )
