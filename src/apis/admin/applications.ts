import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { userSecurity } from '../access.ts'
import { described, says } from '../openapi.ts'
import { auditing, notAuditor } from './access.ts'
import { changingRoutes } from './applications-change.ts'
import { removalRoutes } from './applications-removal.ts'
import * as model from './model.ts'

const pageAtMost = 1000

/** `/api/v1/applications`, as document 004 has it. */
export const applicationRoutes = (hub: Hub) =>
  new Elysia().use(readingRoutes(hub)).use(changingRoutes(hub)).use(removalRoutes(hub))

const readingRoutes = (hub: Hub) =>
  new Elysia({ tags: model.applicationTags, detail: { security: userSecurity } })
    .use(auditing(hub))
    .get(
      '/api/v1/applications',
      async ({ query: { team, include_inactive: includeInactive = false, limit = pageAtMost, cursor } }) => {
        const { applications, next } = await hub.administration.list({ team, includeInactive, limit, cursor })
        return { success: true, data: applications.map(model.shownWithTotal), ...(next === undefined ? {} : { next }) }
      },
      {
        query: t.Object({
          include_inactive: t.Optional(
            t.Boolean({ error: 'include_inactive must be true or false', description: 'Inactive ones too', examples: [true] })
          ),
          team: t.Optional(
            t.String({
              maxLength: 64,
              pattern: model.plain,
              error: 'team must be the name of a team',
              description: 'Only the applications of this team'
            })
          ),
          ...model.paging('Applications', pageAtMost)
        }),
        response: {
          200: t.Object({
            success: model.success,
            data: t.Array(model.counted, { description: 'The applications of this page' }),
            next: model.next
          })
        },
        detail: says({
          summary: 'All applications',
          description:
            'Of every team, whichever part of the hub made them, in the order in which they were made. `total_logs` is exact as of now. ' +
            'For AUDITOR and SUPER_ADMIN.',
          errors: { ...notAuditor, invalid: { 'The limit makes no sense': `limit must be between 1 and ${pageAtMost}` } }
        })
      }
    )
    .get(
      '/api/v1/applications/:id',
      async ({ params }) => ({ success: true, data: model.shownWithTotal(await hub.administration.byId(params.id)) }),
      {
        response: { 200: t.Object({ success: model.success, data: described(model.counted, 'The application') }) },
        detail: says({
          summary: 'An application',
          description: 'Active or not. For AUDITOR and SUPER_ADMIN.',
          errors: { ...notAuditor, ...model.noApplication }
        })
      }
    )
