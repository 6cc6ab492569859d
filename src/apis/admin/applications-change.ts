import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { userSecurity } from '../access.ts'
import { described, says } from '../openapi.ts'
import { administering, notAdministrator } from './access.ts'
import * as model from './model.ts'

/** An empty text is none; what is left out stays left out. */
const textOf = (given: string | null | undefined) => (given === '' ? null : given)

/** Making and changing applications, and their API keys: for SUPER_ADMIN. */
export const changingRoutes = (hub: Hub) =>
  new Elysia({ tags: model.applicationTags, detail: { security: userSecurity } })
    .use(administering(hub))
    .use(keyRoutes(hub))
    .post(
      '/api/v1/applications',
      async ({ body: { name, slug, domain, stack, team }, caller, set }) => {
        const application = { name, slug, domain: textOf(domain), stack: textOf(stack) }
        const data = await hub.administration.create(await hub.teams.named(team || caller.username), application)
        set.status = 201
        return { success: true, message: 'Application created successfully', data }
      },
      {
        parse: 'administration',
        body: model.newApplication,
        response: { 201: keyAnswer('Application created successfully') },
        detail: says({
          summary: 'Create an application',
          description:
            'With an API key, shown this once, by which programs send logs and publish builds and deployments. The application belongs to ' +
            '`team`, or else to your own team, and may be used in every part of the hub. For SUPER_ADMIN.',
          errors: {
            ...notAdministrator,
            invalid: {
              'name or slug is missing': 'name and slug are required',
              'A field is wrong': 'slug must begin with a letter and have at most 64 letters, digits, - and _'
            },
            missing: { 'No such team': 'Team not found' },
            conflict: { 'The slug is taken in the team': 'Application already exists' }
          }
        })
      }
    )
    .put(
      '/api/v1/applications/:id',
      async ({ params, body: { name, domain, stack, isActive } }) => {
        const changes = { name, domain: textOf(domain), stack: textOf(stack), isActive }
        const application = await hub.administration.update(params.id, changes)
        return { success: true, message: 'Application updated successfully', data: model.shown(application) }
      },
      {
        parse: 'administration',
        body: model.changes,
        response: {
          200: t.Object({
            success: model.success,
            message: model.message('Application updated successfully'),
            data: described(model.administered, 'The application as it is now')
          })
        },
        detail: says({
          summary: 'Update an application',
          description:
            'A field left out stays as it is; null or an empty text takes `domain` and `stack` away. `slug` and `apiKey` are not changed here. ' +
            '`"isActive": true` makes an inactive application active again. For SUPER_ADMIN.',
          errors: {
            ...notAdministrator,
            ...model.noApplication,
            invalid: { 'A field is wrong': 'name must be a text of 1 to 100 characters' }
          }
        })
      }
    )

function keyAnswer(sentence: string) {
  const data = described(model.keyed, 'The application, with its API key')
  return t.Object({ success: model.success, message: model.message(sentence), data })
}

const keyRoutes = (hub: Hub) =>
  new Elysia({ tags: model.applicationTags, detail: { security: userSecurity } }).use(administering(hub)).post(
    '/api/v1/applications/:id/regenerate-key',
    async ({ params }) => {
      const data = await hub.administration.renewKey(params.id)
      return { success: true, message: 'API Key regenerated successfully', data }
    },
    {
      response: { 200: keyAnswer('API Key regenerated successfully') },
      detail: says({
        summary: 'Make a new API key for an application',
        description:
          'The old one is refused at once. An application that the fleet or a desktop publisher made gets its first key here. ' +
          'For SUPER_ADMIN.',
        errors: { ...notAdministrator, ...model.noApplication }
      })
    }
  )
