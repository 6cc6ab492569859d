import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { checkHealth } from '../health.ts'
import { described, says } from '../openapi.ts'

/** `GET /health`. */
export const healthRoutes = (hub: Hub) =>
  new Elysia({ tags: ['health'] }).get(
    '/health',
    async () => {
      await checkHealth(hub)
      return {}
    },
    {
      response: { 200: described(t.Object({}), 'The hub is well') },
      detail: says({
        summary: 'Is the hub well?',
        description: 'The database and the store of bytes answer and the broker passes on a message, each within a second.',
        errors: {
          unavailable: {
            'The database is away': 'The database does not answer',
            'The disk is full': 'There is no room left to store anything',
            'The store of bytes is away': 'The store of bytes does not answer',
            'The broker is stuck': 'The broker does not pass on messages'
          }
        }
      })
    }
  )
