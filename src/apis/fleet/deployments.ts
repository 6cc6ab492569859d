import { Elysia } from 'elysia'
import type { Application } from '../../features/applications/service.ts'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import type { Asked } from '../access.ts'
import { checker } from '../complaints.ts'
import { type Errors, inQuery, says, storeErrors, teamErrors } from '../openapi.ts'
import { keyErrors, publishedTo, publisherSecurity, publishing, type Search, stillPublishedTo } from '../publishing.ts'
import { receiveUpload } from '../upload.ts'
import * as model from './model.ts'

const checkDeploy = checker(model.deploy)

type Deploying = { hub: Hub; application: Application; asked: Asked; search: Search }

/** Receives an image and deploys it, if whoever sent it still may by then; what is refused leaves no bytes behind. */
async function deploy({ hub, application, asked, search }: Deploying) {
  const limit = hub.config.imageMaxBytes
  const { fields, file } = await receiveUpload(asked.request, { blobs: hub.blobs, field: 'image', limit })
  try {
    await stillPublishedTo(hub, asked, search)
    const { board, tag, group_id: groupId } = checkDeploy(fields)
    if (!file) throw invalid('', ['image is required'])
    if (file.size === 0) throw invalid('', ['image is empty'])
    await hub.deployments.create(application, { board, tag: model.tagOf(tag), groupId }, file)
  } finally {
    await file?.discard()
  }
}

const detail = (summary: string, errors: Errors) =>
  says({
    summary,
    description:
      'Every device of the application with that board, and with that tag if one is given, is told at once and fetches the image. ' +
      'Send a form (`multipart/form-data`), or the image itself (`application/octet-stream`) with the other fields in the query string. ' +
      'A pipeline may send the API key of the application (`X-API-Key`) instead of a token.',
    takes: {
      'multipart/form-data': {
        ...model.deploy,
        required: ['board', 'image'],
        properties: {
          ...model.deploy.properties,
          image: {
            type: 'string',
            format: 'binary',
            description: 'The firmware image, at most IMAGE_MAX_BYTES (32 MiB unless configured)'
          }
        }
      },
      'application/octet-stream': { type: 'string', format: 'binary', description: 'The firmware image' }
    },
    parameters: ['board', 'tag', 'group_id'].map((name) =>
      inQuery(name, `As \`${name}\` of the form, for an image sent as \`application/octet-stream\``)
    ),
    errors: {
      ...errors,
      ...storeErrors,
      unauthorized: keyErrors.unauthorized,
      invalid: {
        'A field is missing or wrong': ['', 'board must be esp8266'],
        'The image is missing': ['', 'image is required'],
        ...errors.invalid
      },
      tooLarge: { 'The image is larger than IMAGE_MAX_BYTES': 'More than 33554432 bytes' }
    }
  })

/** How the routes of an application say no: */
export const noApplication = { 'No such application': 'Application not found' }

/** where it is found among the caller's teams, */
export const ofAnyTeam: Errors = {
  forbidden: { 'You are only a viewer of its team': 'As viewer of this team you may not do this', ...keyErrors.forbidden },
  missing: noApplication,
  invalid: {
    'Several of your teams have an application of that name': [
      'Several of your teams have this application',
      'app_name is ambiguous: acme, ada have one; use /<team>/apps/blinker/…'
    ]
  }
}

/** and where its team is named. */
export const ofTeam: Errors = {
  forbidden: { ...teamErrors.write.forbidden, ...keyErrors.forbidden },
  missing: { ...teamErrors.write.missing, ...noApplication }
}

/** `POST /apps/<app_name>/deployments`, and the same under the team. */
export const deploymentRoutes = (hub: Hub) =>
  new Elysia({ tags: ['fleet: deployments'], detail: { security: publisherSecurity } })
    .use(publishing(hub))
    .post(
      '/apps/:app/deployments',
      async ({ params: { app }, publisher, request, server }) => {
        server?.timeout(request, 0) // an honest uploader may be slow; receiveUpload has a deadline of its own
        const search: Search = {
          asUser: (caller) => hub.applications.ofUser(caller.id, app, 'write'),
          asProgram: (own) => hub.applications.inTeam(own.team, app)
        }
        const application = await publishedTo(publisher, search)
        await deploy({ hub, application, asked: { request, server }, search })
        return {}
      },
      { parse: 'none', response: { 200: model.nothing }, detail: detail('Deploy an image to an application of yours', ofAnyTeam) }
    )
    .post(
      '/:team/apps/:app/deployments',
      async ({ params: { team, app }, publisher, request, server }) => {
        server?.timeout(request, 0)
        const search: Search = {
          asUser: async (caller) => hub.applications.inTeam(await hub.teams.access(caller.id, team, 'write'), app),
          asProgram: async () => hub.applications.inTeam(await hub.teams.named(team), app)
        }
        const application = await publishedTo(publisher, search)
        await deploy({ hub, application, asked: { request, server }, search })
        return {}
      },
      { parse: 'none', response: { 200: model.nothing }, detail: detail('Deploy an image to an application of a team', ofTeam) }
    )
