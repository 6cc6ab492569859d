import { Elysia, t } from 'elysia'
import { type Account, roles } from '../../features/accounts/roles.ts'
import type { Hub } from '../../hub.ts'
import { userSecurity } from '../access.ts'
import { described, says } from '../openapi.ts'
import { administering, notAdministrator } from './access.ts'
import { message, next, paging, success } from './model.ts'

const pageAtMost = 200
const roleRule = `role must be ${roles.join(', ')}`

const user = t.Object({
  id: t.String({ format: 'uuid', description: 'Id of the user', examples: ['0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c'] }),
  username: t.String({ description: 'Also the name of the user’s own team', examples: ['ada'] }),
  name: t.String({ description: 'Display name', examples: ['Ada Lovelace'] }),
  email: t.String({ description: 'Email address', examples: ['ada@example.org'] }),
  role: t.String({ description: 'USER, AUDITOR or SUPER_ADMIN', examples: ['USER'] }),
  createdAt: t.String({ format: 'date-time', description: 'When the account was made', examples: ['2026-03-01T12:00:00.000Z'] })
})

const users = t.Object({ success, data: t.Array(user, { description: 'The users of this page' }), next })

const newRole = t.Object({
  role: t.Union(
    roles.map((role) => t.Literal(role)),
    { title: 'role is required', error: roleRule, examples: ['AUDITOR'], description: 'The role to give' }
  )
})

const shown = ({ createdAt, ...account }: Account) => ({ ...account, createdAt: createdAt.toISOString() })

/** `/api/v1/users`: who there is, and what they may do. */
export const userRoutes = (hub: Hub) =>
  new Elysia({ tags: ['administration: users'], detail: { security: userSecurity } })
    .use(administering(hub))
    .get(
      '/api/v1/users',
      async ({ query: { limit = 50, cursor } }) => {
        const page = await hub.accounts.list(limit, cursor)
        return { success: true, data: page.accounts.map(shown), ...(page.next === undefined ? {} : { next: page.next }) }
      },
      {
        query: t.Object(paging('Users', pageAtMost)),
        response: { 200: users },
        detail: says({
          summary: 'All users',
          description: 'In the order in which they were made. For SUPER_ADMIN.',
          errors: { ...notAdministrator, invalid: { 'The limit makes no sense': `limit must be between 1 and ${pageAtMost}` } }
        })
      }
    )
    .put(
      '/api/v1/users/:id/role',
      async ({ params, body }) => {
        const account = await hub.accounts.setRole(params.id, body.role)
        return { success: true, message: 'Role updated successfully', data: shown(account) }
      },
      {
        parse: 'administration',
        body: newRole,
        response: {
          200: t.Object({
            success,
            message: message('Role updated successfully'),
            data: described(user, 'The user as it is now')
          })
        },
        detail: says({
          summary: 'Set the role of a user',
          description: 'An AUDITOR reads everything, a SUPER_ADMIN does everything. It counts at once. For SUPER_ADMIN.',
          errors: {
            ...notAdministrator,
            invalid: {
              'No such role': roleRule,
              'It would leave the hub without a SUPER_ADMIN': 'The hub must keep a SUPER_ADMIN'
            },
            missing: { 'No such user': 'User not found' }
          }
        })
      }
    )
