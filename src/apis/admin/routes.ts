import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { userRoutes } from './users.ts'

/** Document 004, as far as it is there: users and their roles. */
export const adminApi = (hub: Hub) => new Elysia({ name: 'admin' }).use(userRoutes(hub))
