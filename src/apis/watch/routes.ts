import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { accountRoutes } from './accounts.ts'
import { repoRoutes } from './repos.ts'

/** Document 001, as far as it is there: users and repos. */
export const watchApi = (hub: Hub) => new Elysia({ name: 'watch' }).use(accountRoutes(hub)).use(repoRoutes(hub))
