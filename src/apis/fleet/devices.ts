import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { signedIn, userSecurity } from '../access.ts'
import { described, says, teamErrors } from '../openapi.ts'
import { deviceLog } from './log.ts'
import * as model from './model.ts'

const { read, write } = teamErrors
const noDevice = { 'No such device': 'Device not found' }
const readDevice = { ...read, missing: { ...read.missing, ...noDevice } }
const writeDevice = { ...write, missing: { ...write.missing, ...noDevice } }
const invalidFields = { 'A field is missing or wrong': ['', 'device_name is required', 'board must be esp8266'] } as const

/** `/<team>/devices` and below. */
export const deviceRoutes = (hub: Hub) =>
  new Elysia({ tags: ['fleet: devices'], detail: { security: userSecurity } })
    .use(signedIn(hub))
    .get(
      '/:team/devices',
      async ({ params, caller }) => {
        const team = await hub.teams.access(caller.id, params.team, 'read')
        const devices = await hub.devices.list(team)
        return {
          devices: devices.map(({ name, board, status, tag, app, lastSeenAt, deploymentId, runningId, connected }) => ({
            name,
            board,
            status,
            tag,
            app,
            last_seen_at: lastSeenAt?.toISOString() ?? null,
            deployment_id: deploymentId,
            running_id: runningId,
            connected
          }))
        }
      },
      {
        response: { 200: described(model.devices, 'The devices, by name') },
        detail: says({
          summary: 'All devices of a team',
          description: 'With what each of them should run, and what it says that it runs.',
          errors: read
        })
      }
    )
    .post(
      '/:team/devices',
      async ({ params, body, caller }) => {
        const team = await hub.teams.access(caller.id, params.team, 'write')
        const { secret } = await hub.devices.register(team, {
          name: body.device_name,
          board: body.board,
          tag: model.tagOf(body.tag)
        })
        return { device_secret: secret }
      },
      {
        parse: 'fields',
        body: model.registerDevice,
        response: { 200: described(model.registeredDevice, 'The device is registered') },
        detail: says({
          summary: 'Register a device',
          description:
            'The secret is shown this once. Write it to the device, which is known by it: over HTTP in the path, over MQTT as the password. ' +
            'A lost secret cannot be shown again: delete the device and register it anew.',
          errors: {
            ...write,
            invalid: invalidFields,
            conflict: { 'The name is taken in the team': ['Device already exists', 'device_name is already taken'] }
          }
        })
      }
    )
    .delete(
      '/:team/devices/:name',
      async ({ params, caller }) => {
        const team = await hub.teams.access(caller.id, params.team, 'write')
        await hub.devices.remove(await hub.devices.inTeam(team, params.name))
        return {}
      },
      {
        response: { 200: model.nothing },
        detail: says({
          summary: 'Delete a device',
          description: 'Its log goes with it, its secret ends at once, and its MQTT connection is closed.',
          errors: writeDevice
        })
      }
    )
    .post(
      '/:team/devices/:name',
      async ({ params, body, caller }) => {
        const team = await hub.teams.access(caller.id, params.team, 'write')
        const device = await hub.devices.inTeam(team, params.name)
        await hub.devices.update(device, { board: body.board, tag: 'tag' in body ? model.tagOf(body.tag) : undefined })
        return {}
      },
      {
        parse: 'fields',
        body: model.updateDevice,
        response: { 200: model.nothing },
        detail: says({
          summary: 'Update a device',
          description: 'A field left out stays as it is. Where another tag means another deployment, the device is told at once.',
          errors: { ...writeDevice, invalid: { 'A field is wrong': ['', 'board must be esp8266'] } }
        })
      }
    )
    .use(relaunchRoute(hub, 'relauch', 'Restart the app on a device, under its older spelling'))
    .use(relaunchRoute(hub, 'relaunch', 'Restart the app on a device'))
    .get(
      '/:team/devices/:name/log',
      async ({ params, query, caller, request, server }) => {
        const team = await hub.teams.access(caller.id, params.team, 'read')
        const device = await hub.devices.inTeam(team, params.name)
        if (query.follow !== 'true') return deviceLog(hub).page(device.id, query.since)
        server?.timeout(request, 0)
        return deviceLog(hub).follow(device.id, query.since, { caller, team: params.team })
      },
      {
        query: t.Object({
          since: t.Optional(
            t.String({
              maxLength: 40,
              description:
                'Where to start: a time such as `2026-03-01T12:00:00Z`, or `next` of an earlier answer. Left out: at the oldest line'
            })
          ),
          follow: t.Optional(
            t.String({ description: '`true` streams the lines as text, and those to come as they come', examples: ['false'] })
          )
        }),
        detail: says({
          summary: 'Log lines of a device',
          description:
            'Oldest first, at most 1000 at a time: give `next` as `since` to read on. ' +
            'With `follow=true` the answer does not end; this page shows what comes within 3 seconds.',
          errors: {
            ...readDevice,
            invalid: {
              '`since` is neither a time nor `next` of an answer': [
                '',
                'since must be a time (ISO 8601) or the next of an earlier answer'
              ]
            }
          },
          gives: {
            200: {
              description: 'The lines; with `follow=true` a stream of text that does not end',
              content: {
                'application/json': { schema: model.log },
                'text/plain': { schema: { type: 'string', examples: ['booted\nconnected to wifi\n'] } }
              }
            }
          }
        })
      }
    )

const relaunchRoute = (hub: Hub, spelling: 'relauch' | 'relaunch', summary: string) =>
  new Elysia({ detail: { security: userSecurity } }).use(signedIn(hub)).put(
    `/:team/devices/:name/${spelling}`,
    async ({ params, caller }) => {
      const team = await hub.teams.access(caller.id, params.team, 'write')
      await hub.devices.relaunch(await hub.devices.inTeam(team, params.name))
      return {}
    },
    {
      response: { 200: model.nothing },
      detail: says({
        summary,
        description:
          'The device is told once: at once over MQTT, or else by `R` in answer to its next heartbeat. ' +
          '`relauch` and `relaunch` do the same: older clients ask for `relauch`.',
        errors: writeDevice
      })
    }
  )
