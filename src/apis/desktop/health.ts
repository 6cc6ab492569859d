import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { unavailable } from '../../lib/errors.ts'
import { described, says } from '../openapi.ts'

const longest = 1000

/** `GET /health`. */
export const healthRoutes = (hub: Hub) =>
  new Elysia({ tags: ['health'] }).get(
    '/health',
    async () => {
      await inTime(hub.ping(), 'The database does not answer')
      await inTime(hub.checkBroker(), 'The broker does not pass on messages')
      return {}
    },
    {
      response: { 200: described(t.Object({}), 'The hub is well') },
      detail: says({
        summary: 'Is the hub well?',
        description: 'The database answers and the broker passes on a message, each within a second.',
        errors: {
          unavailable: {
            'The database is away': 'The database does not answer',
            'The broker is stuck': 'The broker does not pass on messages'
          }
        }
      })
    }
  )

async function inTime(check: Promise<unknown>, complaint: string) {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(unavailable(complaint)), longest)
  try {
    await Promise.race([check, late.promise])
  } catch {
    throw unavailable(complaint)
  } finally {
    clearTimeout(timer)
  }
}
