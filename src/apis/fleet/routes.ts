import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { appRoutes } from './apps.ts'
import { boardRoutes } from './board.ts'
import { buildRoutes } from './builds.ts'
import { deploymentRoutes } from './deployments.ts'
import { deviceRoutes } from './devices.ts'
import { userRoutes } from './users.ts'

/** Document 003: users, devices, applications, deployments, and what BaseOS asks for. */
export const fleetApi = (hub: Hub) =>
  new Elysia({ name: 'fleet' })
    .use(userRoutes(hub))
    .use(deviceRoutes(hub))
    .use(appRoutes(hub))
    .use(buildRoutes(hub))
    .use(deploymentRoutes(hub))
    .use(boardRoutes(hub))
