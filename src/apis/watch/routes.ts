import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { accountRoutes } from './accounts.ts'
import { fileRoutes } from './files.ts'
import { repoRoutes } from './repos.ts'
import { taskRoutes } from './tasks.ts'

/** Document 001: users, repos, files and tasks. */
export const watchApi = (hub: Hub) =>
  new Elysia({ name: 'watch' }).use(accountRoutes(hub)).use(repoRoutes(hub)).use(fileRoutes(hub)).use(taskRoutes(hub))
