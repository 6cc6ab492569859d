import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { signedIn, userSecurity } from '../access.ts'
import { described, says, teamErrors } from '../openapi.ts'
import * as model from './model.ts'

const { read, write } = teamErrors
const writeApp = { ...write, missing: { ...write.missing, 'No such application': 'Application not found' } }

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
      {
        response: { 200: described(model.apps, 'The applications, by name') },
        detail: says({
          summary: 'All applications of a team',
          description: 'Made here or by any other part of the hub.',
          errors: read
        })
      }
    )
    .post(
      '/:team/apps',
      async ({ params, body, caller }) => {
        const team = await hub.teams.access(caller.id, params.team, 'write')
        await hub.applications.create(team, { slug: body.app_name })
        return {}
      },
      {
        parse: 'fields',
        body: model.createApp,
        response: { 200: model.nothing },
        detail: says({
          summary: 'Create an application',
          description:
            'An application is what images are deployed to; its devices run them. ' +
            'Wrong input is answered 404 here, not 422 as everywhere else: clients of this route rely on it.',
          errors: {
            ...write,
            invalid: { 'The name is missing or wrong': ['', 'app_name is required'] },
            conflict: { 'The name is taken in the team': ['Application already exists', 'app_name is already taken'] }
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
          errors: writeApp
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
          description:
            'The device is told at once which deployment of the application it should run. It leaves the application that it was in. ' +
            'Name it in `device_name` or in `deivce_name`, which older clients send.',
          errors: {
            ...writeApp,
            missing: { ...writeApp.missing, 'No such device': 'Device not found' },
            invalid: { 'The name is missing or wrong': ['', 'device_name is required'] }
          }
        })
      }
    )
