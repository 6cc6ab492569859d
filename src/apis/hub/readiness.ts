import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { checkReadiness } from '../health.ts'
import { described, says } from '../openapi.ts'

/** `GET /health/ready` and `GET /health/live`, for load balancers and for whatever starts the process. */
export const readinessRoutes = (hub: Hub) =>
  new Elysia({ tags: ['health'] })
    .get(
      '/health/ready',
      async () => {
        await checkReadiness(hub)
        return {}
      },
      {
        response: { 200: described(t.Object({}), 'Send work here') },
        detail: says({
          summary: 'Is the hub to be sent work?',
          description:
            'For load balancers. As `GET /health`, and also 503 while the hub starts, and from the signal to stop on: then it answers for `DRAIN_TIME` yet, ' +
            'and new work belongs elsewhere.',
          errors: {
            unavailable: {
              'It is not up yet': 'The hub is starting',
              'It has been told to stop': 'The hub is about to stop',
              'The database is away': 'The database does not answer'
            }
          }
        })
      }
    )
    .get('/health/live', () => ({}), {
      response: { 200: described(t.Object({}), 'The process answers') },
      detail: says({
        summary: 'Does the process answer?',
        description:
          'For whatever starts the process again when it hangs. It asks nothing else: when the database is away, another start would not bring it back.'
      })
    })
