import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { applicationRoutes } from './applications.ts'
import { logRoutes } from './logs.ts'
import { userRoutes } from './users.ts'

/** Document 004: applications, logs, and users and their roles. */
export const adminApi = (hub: Hub) =>
  new Elysia({ name: 'admin' }).use(applicationRoutes(hub)).use(logRoutes(hub)).use(userRoutes(hub))
