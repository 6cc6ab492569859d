import { Elysia } from 'elysia'
import type { Application } from '../../features/applications/service.ts'
import type { Hub } from '../../hub.ts'
import { invalid, missing } from '../../lib/errors.ts'
import { signedIn, userSecurity } from '../access.ts'
import { checker } from '../complaints.ts'
import { described, type Errors, inQuery, says, storeErrors, teamErrors } from '../openapi.ts'
import { receiveUpload } from '../upload.ts'
import { noApplication, ofAnyTeam, ofTeam } from './deployments.ts'
import * as model from './model.ts'

const checkBuild = checker(model.build)

/** Receives a source archive for the application that `find` finds, before and after, and queues its build; what is refused leaves no bytes behind. */
async function build(hub: Hub, find: () => Promise<Application>, request: Request) {
  await find()
  const { fields, file } = await receiveUpload(request, {
    blobs: hub.blobs,
    field: 'source_file',
    limit: hub.config.sourceMaxBytes
  })
  try {
    const application = await find() // whoever sends it may have left the team meanwhile
    const { tag } = checkBuild(fields)
    if (!file) throw invalid('', ['source_file is required'])
    return { id: await hub.builds.create(application, { tag: model.tagOf(tag) }, file) }
  } finally {
    await file?.discard()
  }
}

const detail = (summary: string, errors: Errors) =>
  says({
    summary,
    description:
      'The source is compiled in the builder image of the board (BUILDER_IMAGE_ESP8266), in a container without a network. ' +
      'Every `*.esp8266.image` that it leaves in `/out` is deployed, all with one group id, and the devices are told. ' +
      'This happens in the background: ask for the status with the `id` of the answer. ' +
      'An archive has at most 10,000 entries, nothing but files and folders, and unpacks to at most 256 MiB and 100 times its size.',
    takes: {
      'multipart/form-data': {
        ...model.build,
        required: ['source_file'],
        properties: {
          ...model.build.properties,
          source_file: {
            type: 'string',
            format: 'binary',
            description: 'The source as a zip archive, at most SOURCE_MAX_BYTES (32 MiB unless configured)'
          }
        }
      },
      'application/octet-stream': { type: 'string', format: 'binary', description: 'The zip archive' }
    },
    parameters: [inQuery('tag', 'As `tag` of the form, for an archive sent as `application/octet-stream`')],
    errors: {
      ...errors,
      invalid: {
        'The source is missing': ['', 'source_file is required'],
        'The source is not an archive': [
          '',
          'source_file is not a zip archive that can be unpacked: End of central directory record signature not found. Either not a zip file, or file is truncated.'
        ],
        'The source would lead out of its folder': [
          '',
          'source_file is not a zip archive that can be unpacked: invalid relative path: ../main.c'
        ],
        'The source is a bomb': ['', 'source_file unpacks to more than 100 times its size'],
        ...errors.invalid
      },
      tooLarge: { 'The source is larger than SOURCE_MAX_BYTES': 'More than 33554432 bytes' },
      unavailable: { 'The hub has no builder image': 'No builder image is configured for esp8266', ...storeErrors.unavailable }
    }
  })

/** `POST /apps/<app_name>/builds`, the same under the team, and how a build is doing. */
export const buildRoutes = (hub: Hub) =>
  new Elysia({ tags: ['fleet: builds'], detail: { security: userSecurity } })
    .use(signedIn(hub))
    .post(
      '/apps/:app/builds',
      async ({ params, caller, request, server, set }) => {
        server?.timeout(request, 0) // an honest uploader may be slow; receiveUpload has a deadline of its own
        const queued = await build(hub, () => hub.applications.ofUser(caller.id, params.app, 'write'), request)
        set.status = 202
        return queued
      },
      {
        parse: 'none',
        response: { 202: model.queuedBuild },
        detail: detail('Build and deploy an application of yours', ofAnyTeam)
      }
    )
    .post(
      '/:team/apps/:app/builds',
      async ({ params, caller, request, server, set }) => {
        server?.timeout(request, 0)
        const find = async () => hub.applications.inTeam(await hub.teams.access(caller.id, params.team, 'write'), params.app)
        const queued = await build(hub, find, request)
        set.status = 202
        return queued
      },
      { parse: 'none', response: { 202: model.queuedBuild }, detail: detail('Build and deploy an application of a team', ofTeam) }
    )
    .get(
      '/:team/apps/:app/builds/:id',
      async ({ params, caller }) => {
        if (!/^\d{1,9}$/.test(params.id)) throw missing('Build not found')
        const team = await hub.teams.access(caller.id, params.team, 'read')
        const application = await hub.applications.inTeam(team, params.app)
        const { groupId, createdAt, endedAt, ...found } = await hub.builds.inApplication(application, Number(params.id))
        const { id, status, board, tag, failure, deployments, log } = found
        const times = { created_at: createdAt.toISOString(), ended_at: endedAt?.toISOString() ?? null }
        return { id, status, board, tag, group_id: groupId, failure, deployments, ...times, log }
      },
      {
        response: { 200: described(model.builtApp, 'The build as it is now') },
        detail: says({
          summary: 'Status and log of a build',
          description: '`queued`, `building`, then `success` or `failure`. The log grows while it is building.',
          errors: {
            ...storeErrors,
            ...teamErrors.read,
            missing: { ...teamErrors.read.missing, ...noApplication, 'No such build': 'Build not found' }
          }
        })
      }
    )
