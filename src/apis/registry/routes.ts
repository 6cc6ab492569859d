import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { archiveRoutes } from './archives.ts'
import { packageRoutes } from './packages.ts'
import { recipeRoutes } from './recipes.ts'
import { signInRoutes } from './sign-in.ts'
import { userRoutes } from './users.ts'

/** Document 002: sign-in with GitHub, users and their CLI keys, packages, recipes and their archives. */
export const registryApi = (hub: Hub) =>
  new Elysia({ name: 'registry' })
    .use(signInRoutes(hub))
    .use(userRoutes(hub))
    .use(packageRoutes(hub))
    .use(recipeRoutes(hub))
    .use(archiveRoutes(hub))
