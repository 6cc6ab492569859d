import { Elysia, t } from 'elysia'
import { packageNameMaxLength } from '../../features/packages/terms.ts'
import type { Hub } from '../../hub.ts'
import { open, signedIn, userSecurity } from '../access.ts'
import { described, inQuery, says } from '../openapi.ts'
import * as model from './model.ts'

const pageAtMost = 100
const usualPage = 50
const limitRule = `limit must be between 1 and ${pageAtMost}`
const searchAtMost = 200
const noPackage = { missing: { 'No such package': 'Package not found' } }

const notOne = { 'You do not maintain the package': 'You are not a maintainer of this package' }
const noUser = { 'No such user': 'User not found' }

const wanted = t.Object({
  name: t.Optional(t.String()),
  search: t.Optional(t.String({ maxLength: searchAtMost, error: `search may have at most ${searchAtMost} characters` })),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: pageAtMost, error: limitRule })),
  cursor: t.Optional(t.String({ maxLength: packageNameMaxLength, error: 'cursor must be the next of an earlier page' }))
})

/** `/v1/packages`: what there is, and who maintains it. */
export const packageRoutes = (hub: Hub) =>
  new Elysia({ tags: ['registry: packages'] }).use(readRoutes(hub)).use(maintainerRoutes(hub))

const readRoutes = (hub: Hub) =>
  new Elysia()
    .use(open())
    .get(
      '/v1/packages',
      async ({ query: { name, search, limit = usualPage, cursor } }) => {
        if (name !== undefined) return hub.packages.byName(name)
        const { packages, next } = await hub.packages.page(search || undefined, { limit, after: cursor })
        return { packages, next: next ?? null }
      },
      {
        query: wanted,
        detail: says({
          summary: 'Find packages',
          description:
            'With `name`: the one package of that name, as `GET /v1/packages/{id}` answers it. Otherwise a page of packages, by name: all of them, or those ' +
            'that have for every word of `search` a word that begins with it (`json pars` finds `lua-json-parser`). ' +
            'Read on with `cursor` as long as there is a `next`; where several words are common ones, a page may be shorter than `limit`, and even empty.',
          parameters: [
            inQuery('name', 'Name of a package'),
            inQuery('search', `Beginnings of words, at most ${searchAtMost} characters and 8 words`),
            inQuery('limit', `Packages on a page, ${usualPage} unless given`, {
              type: 'integer',
              minimum: 1,
              maximum: pageAtMost
            }),
            inQuery('cursor', '`next` of the page before')
          ],
          gives: {
            200: {
              description: 'The page; with `name` the package itself',
              content: { 'application/json': { schema: model.pageOfPackages } }
            }
          },
          errors: {
            missing: { 'No package has the `name`': 'Package not found' },
            invalid: { 'The limit makes no sense': limitRule }
          }
        })
      }
    )
    .get('/v1/packages/:id', ({ params }) => hub.packages.byId(params.id), {
      response: { 200: described(model.oneOfPackages, 'The package') },
      detail: says({
        summary: 'Read a package',
        description: 'With its versions, but for those that are yanked, or still wait for their archive.',
        errors: noPackage
      })
    })
    .get(
      '/v1/packages/:id/versions',
      async ({ params, query: { latest } }) =>
        String(latest) === 'true' ? hub.packages.latestVersion(params.id) : (await hub.packages.byId(params.id)).versions,
      {
        query: t.Object({
          latest: t.Optional(
            t.BooleanString({ error: 'latest must be true or false', description: 'Only the latest, as a list of one' })
          )
        }),
        response: { 200: described(model.versions, 'The versions, newest first') },
        detail: says({
          summary: 'Versions of a package',
          description:
            'In the order of Semantic Versioning. With `latest=true` the newest release alone, or the newest pre-release where there is no release. ' +
            'To be told of the latest, subscribe to `packages/{name}/latest` over MQTT.',
          errors: { ...noPackage, invalid: { 'Neither true nor false': 'latest must be true or false' } }
        })
      }
    )
    .get('/v1/packages/:id/maintainers', async ({ params }) => ({ maintainers: await hub.maintainers.list(params.id) }), {
      response: { 200: described(model.maintainers, 'The maintainers') },
      detail: says({
        summary: 'Maintainers of a package',
        description: 'Who made the package, and whom they have added.',
        errors: noPackage
      })
    })

const maintainerRoutes = (hub: Hub) =>
  new Elysia({ detail: { security: userSecurity } })
    .use(signedIn(hub))
    .post(
      '/v1/packages',
      async ({ body, caller, set }) => {
        const created = await hub.packages.create(caller, body.name)
        set.status = 201
        return created
      },
      {
        parse: 'fields',
        body: model.newPackage,
        response: { 201: described(model.oneOfPackages, 'The package is there') },
        detail: says({
          summary: 'Create a package',
          description: 'You are its first maintainer. A package and what is published of it stay.',
          errors: {
            invalid: { 'The name is missing or wrong': 'name is required' },
            conflict: { 'There is a package of that name': 'Package already exists' }
          }
        })
      }
    )
    .put(
      '/v1/packages/:id/maintainers/:userId',
      async ({ params, caller }) => {
        await hub.maintainers.add(params.id, params.userId, caller)
        return { maintainers: await hub.maintainers.list(params.id) }
      },
      {
        response: { 200: described(model.maintainers, 'The maintainers as they are now') },
        detail: says({
          summary: 'Add a maintainer',
          description: 'Maintainers publish, yank, and decide who is one. A SUPER_ADMIN may add one too.',
          errors: { missing: { ...noPackage.missing, ...noUser }, forbidden: notOne }
        })
      }
    )
    .delete(
      '/v1/packages/:id/maintainers/:userId',
      async ({ params, caller }) => {
        await hub.maintainers.remove(params.id, params.userId, caller)
        return { maintainers: await hub.maintainers.list(params.id) }
      },
      {
        response: { 200: described(model.maintainers, 'The maintainers that remain') },
        detail: says({
          summary: 'Remove a maintainer',
          description: 'What they have published stays.',
          errors: {
            missing: { ...noPackage.missing, ...noUser, 'The user is not one of them': 'Maintainer not found' },
            forbidden: notOne,
            invalid: { 'It is the only one': 'A package must keep a maintainer' }
          }
        })
      }
    )
