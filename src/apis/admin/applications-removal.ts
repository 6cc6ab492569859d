import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { userSecurity } from '../access.ts'
import { says } from '../openapi.ts'
import { administering, notAdministrator } from './access.ts'
import * as model from './model.ts'

/** Taking applications away, so that they may come back or for good: for SUPER_ADMIN. */
export const removalRoutes = (hub: Hub) =>
  new Elysia({ tags: model.applicationTags, detail: { security: userSecurity } })
    .use(administering(hub))
    .delete(
      '/api/v1/applications/:id',
      async ({ params }) => {
        const { name } = await hub.administration.deactivate(params.id)
        return { success: true, message: `Application "${name}" deleted successfully` }
      },
      {
        response: {
          200: t.Object({ success: model.success, message: model.message('Application "My Application" deleted successfully') })
        },
        detail: says({
          summary: 'Make an application inactive',
          description:
            'Its API key is refused, and it is listed here with `include_inactive=true` only. All else stays: its log, its team, which still ' +
            'sees it and works with it, its devices and desktop clients, which are served as before. ' +
            '`PUT` with `"isActive": true` takes it back. For SUPER_ADMIN.',
          errors: { ...notAdministrator, ...model.noApplication }
        })
      }
    )
    .delete(
      '/api/v1/applications/:id/hard-delete',
      async ({ params, query, request, server }) => {
        server?.timeout(request, 0) // a long log takes its time
        const { name } = await hub.administration.remove(params.id, { withLogs: query.force === true })
        return { success: true, message: `Application "${name}" permanently deleted` }
      },
      {
        query: t.Object({
          force: t.Optional(
            t.Boolean({ error: 'force must be true or false', description: 'Its log goes with it', examples: [false] })
          )
        }),
        response: {
          200: t.Object({ success: model.success, message: model.message('Application "My Application" permanently deleted') })
        },
        detail: says({
          summary: 'Delete an application for good',
          description:
            'Its builds and deployments go with it; its devices stay, without an application. With `force=true` its log goes too. ' +
            'There is no way back. For SUPER_ADMIN.',
          errors: {
            ...notAdministrator,
            ...model.noApplication,
            conflict: {
              'It has logs':
                'Cannot delete application with 150 logs. Please use soft delete instead or confirm with force=true query parameter'
            }
          }
        })
      }
    )
