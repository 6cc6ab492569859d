import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { applicationRoutes } from './applications.ts'
import { clientRoutes } from './clients.ts'
import { healthRoutes } from './health.ts'

/** Document 000: applications, what their clients ask and report, and whether the hub is well. */
export const desktopApi = (hub: Hub) =>
  new Elysia({ name: 'desktop' }).use(applicationRoutes(hub)).use(clientRoutes(hub)).use(healthRoutes(hub))
