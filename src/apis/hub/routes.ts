import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { buildRoutes } from './builds.ts'
import { docsRoutes } from './docs.ts'
import { downloadRoutes } from './downloads.ts'
import { eventRoutes } from './events.ts'
import { metricsRoutes } from './metrics.ts'
import { readinessRoutes } from './readiness.ts'
import { teamRoutes } from './teams.ts'

/** What no document has and every one of them needs. */
export const hubApi = (hub: Hub) =>
  new Elysia({ name: 'hub' })
    .use(teamRoutes(hub))
    .use(buildRoutes(hub))
    .use(downloadRoutes(hub))
    .use(eventRoutes(hub))
    .use(metricsRoutes(hub))
    .use(readinessRoutes(hub))
    .use(docsRoutes())
