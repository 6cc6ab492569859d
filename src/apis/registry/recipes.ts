import { Elysia, t } from 'elysia'
import type { Recipe } from '../../features/recipes/service.ts'
import type { Hub } from '../../hub.ts'
import { tooLarge } from '../../lib/errors.ts'
import { open, signedIn, userSecurity } from '../access.ts'
import { baseOf } from '../links.ts'
import { described, says } from '../openapi.ts'
import * as model from './model.ts'

const recipeMaxBytes = 128 * 1024
const recipeTooLarge = `A recipe may have at most ${recipeMaxBytes} bytes`

const noPackage = { 'No such package': 'Package not found' }
const notOne = { forbidden: { 'You do not maintain the package': 'You are not a maintainer of this package' } }
const toYank = { ...notOne, missing: { ...noPackage, 'No such version': 'Version not found' } }

const archiveUrl = (hub: Hub, request: Request, id: string) => `${baseOf(hub, request)}/v1/archives/${id}`

const shown = ({ createdAt, id, packageId, version, revision, recipe, maintainerId }: Recipe) => ({
  id,
  packageId,
  version,
  revision,
  recipe,
  maintainerId,
  created: createdAt.toISOString()
})

function checkSize(recipe: string) {
  if (Buffer.byteLength(recipe) > recipeMaxBytes) throw tooLarge(recipeTooLarge)
}

/** `/v1/packages/{id}/recipes`: publishing, reading, yanking. */
export const recipeRoutes = (hub: Hub) => new Elysia({ tags: ['registry: recipes'] }).use(readRoute(hub)).use(publishRoutes(hub))

const readRoute = (hub: Hub) =>
  new Elysia().use(open()).get(
    '/v1/packages/:id/recipes/:version',
    async ({ params: { id: packageId, version }, query, request }) => {
      const recipe = await hub.recipes.get({ packageId, version }, query.revision || undefined)
      return {
        ...shown(recipe),
        ...(recipe.hasArchive ? { arDownload: archiveUrl(hub, request, recipe.id) } : {}),
        ...(recipe.isYanked ? { yanked: true } : {})
      }
    },
    {
      query: t.Object({ revision: t.Optional(t.String({ description: 'A revision; the newest unless given' })) }),
      response: { 200: described(model.recipe, 'The recipe') },
      detail: says({
        summary: 'Get a recipe',
        description:
          'Of a version, and of a revision or else its newest one. Yanked versions are there too, for those who ask for them.',
        errors: { missing: { 'No such package, version or revision, or its archive is still awaited': 'Recipe not found' } }
      })
    }
  )

const publishRoutes = (hub: Hub) =>
  new Elysia({ detail: { security: userSecurity } })
    .use(signedIn(hub))
    .post(
      '/v1/packages/:id/recipes',
      async ({ params, body: { version, revision, recipe, arUpload }, caller, request, set }) => {
        checkSize(recipe)
        const archive = String(arUpload) === 'true' ? 'awaited' : 'none'
        const published = await hub.recipes.publish(params.id, { version, revision, recipe, archive }, caller.id)
        const { uploadToken: arUploadToken } = published
        set.status = 201
        const arUploadUrl = archiveUrl(hub, request, published.recipe.id)
        return { ...shown(published.recipe), ...(arUploadToken ? { arUploadToken, arUploadUrl } : {}) }
      },
      {
        parse: 'largeFields',
        body: model.newRecipe,
        response: { 201: described(model.publishedRecipe, 'The recipe is published, or waits for its archive') },
        detail: says({
          summary: 'Publish a recipe',
          description:
            'What is published is never changed: to put something right, publish another revision or another version. With `arUpload` the recipe is offered once ' +
            'its archive has come (`PUT /v1/archives/{id}`); where that does not come in time, the recipe goes, and the revision is free again.',
          errors: {
            ...notOne,
            missing: noPackage,
            invalid: {
              'A field is missing or wrong': 'version must be a version (Semantic Versioning 2.0.0)',
              'The recipe is no Lua': "recipe does not parse as Lua at line 3, column 8: 'end' expected near '<eof>'",
              'The recipe is no text': 'The input must be well-formed Unicode'
            },
            conflict: { 'The version has the revision': 'This version already has this revision' },
            tooLarge: {
              'The recipe is too large': recipeTooLarge,
              'The body has more than 1 MiB': 'The body may have at most 1048576 bytes'
            },
            tooMany: { 'Too many recipes are waiting to be checked': '' },
            unavailable: { 'The recipe could not be checked': 'The recipe could not be checked in time' }
          }
        })
      }
    )
    .put(
      '/v1/packages/:id/recipes/:version/yank',
      async ({ params: { id: packageId, version }, caller }) => {
        await hub.recipes.yank({ packageId, version }, caller.id)
        return hub.packages.byId(packageId)
      },
      {
        response: { 200: described(model.oneOfPackages, 'The package with what it offers now') },
        detail: says({
          summary: 'Yank a version',
          description: 'Hides it from lists and from being the latest. Whoever asks for it by its number still gets it.',
          errors: toYank
        })
      }
    )
    .delete(
      '/v1/packages/:id/recipes/:version/yank',
      async ({ params: { id: packageId, version }, caller }) => {
        await hub.recipes.restore({ packageId, version }, caller.id)
        return hub.packages.byId(packageId)
      },
      {
        response: { 200: described(model.oneOfPackages, 'The package with what it offers now') },
        detail: says({ summary: 'Offer a yanked version again', description: 'As if it had never been yanked.', errors: toYank })
      }
    )
