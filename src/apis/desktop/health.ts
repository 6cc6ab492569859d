import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { unavailable } from '../../lib/errors.ts'
import { inTime } from '../../lib/patience.ts'
import { described, says } from '../openapi.ts'

const longest = 1000

/** `GET /health`. */
export const healthRoutes = (hub: Hub) =>
  new Elysia({ tags: ['health'] }).get(
    '/health',
    async () => {
      for (const { check, complaint } of hub.checks) {
        const isAway = () => unavailable(complaint)
        await inTime(check(), longest, isAway).catch(() => Promise.reject(isAway()))
      }
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
            'The store of bytes is away': 'The store of bytes does not answer',
            'The broker is stuck': 'The broker does not pass on messages'
          }
        }
      })
    }
  )
