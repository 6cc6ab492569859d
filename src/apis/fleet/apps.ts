import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { signedIn, userSecurity } from '../access.ts'
import { says } from '../openapi.ts'
import * as model from './model.ts'

const teamErrors = { forbidden: 'You are not a member of the team, or only its viewer', missing: 'No such team or application' }

/** `/<team>/apps` and below. */
export const appRoutes = (hub: Hub) =>
  new Elysia({ tags: ['fleet: apps'], detail: { security: userSecurity } })
    .use(signedIn(hub))
    .get(
      '/:team/apps',
      async ({ params, caller }) => {
        const team = await hub.teams.access(caller.id, params.team, 'read')
        const applications = await hub.applications.list(team)
        return { applications: applications.map(({ slug }) => ({ name: slug })) }
      },
      { response: { 200: model.apps }, detail: says({ summary: 'All applications of a team', errors: teamErrors }) }
    )
    .post(
      '/:team/apps',
      async ({ params, body, caller }) => {
        const team = await hub.teams.access(caller.id, params.team, 'write')
        await hub.applications.create(team, body.app_name)
        return {}
      },
      {
        parse: 'fields',
        body: model.createApp,
        response: { 200: model.nothing },
        detail: says({
          summary: 'Create an application',
          description: 'Wrong input is answered 404, as the document says.',
          errors: {
            forbidden: teamErrors.forbidden,
            invalid: 'The name is missing or wrong',
            conflict: 'The name is taken in the team'
          }
        })
      }
    )
    .delete(
      '/:team/apps/:app',
      async ({ params, caller }) => {
        const team = await hub.teams.access(caller.id, params.team, 'write')
        await hub.applications.remove(await hub.applications.inTeam(team, params.app))
        return {}
      },
      {
        response: { 200: model.nothing },
        detail: says({
          summary: 'Delete an application',
          description: 'Its deployments go with it; its devices stay, without an application.',
          errors: teamErrors
        })
      }
    )
    .post(
      '/:team/apps/:app/devices',
      async ({ params, body, caller }) => {
        const team = await hub.teams.access(caller.id, params.team, 'write')
        const name = body.deivce_name ?? body.device_name
        if (name === undefined) throw invalid('', ['device_name is required'])
        const application = await hub.applications.inTeam(team, params.app)
        await hub.devices.associate(await hub.devices.inTeam(team, name), application)
        return {}
      },
      {
        parse: 'fields',
        body: model.associateDevice,
        response: { 200: model.nothing },
        detail: says({
          summary: 'Associate a device with an application',
          description: 'The device is told at once which deployment of the application it should run.',
          errors: { ...teamErrors, invalid: 'The name is missing or wrong' }
        })
      }
    )
