import { Elysia } from 'elysia'
import type { StagedBlob } from '../../blobs/store.ts'
import type { Application } from '../../features/applications/service.ts'
import type { NewRelease } from '../../features/releases/service.ts'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { signedIn, userSecurity } from '../access.ts'
import { checker } from '../complaints.ts'
import { queryOf, readFields } from '../fields.ts'
import { baseOf } from '../links.ts'
import { described, inQuery, says, storeErrors, teamErrors } from '../openapi.ts'
import { keyErrors, publishedTo, publisherSecurity, publishing, type Search, stillPublishedTo } from '../publishing.ts'
import { receiveUpload, type Upload } from '../upload.ts'
import * as model from './builds-model.ts'

const pageAtMost = 200
const checkPublish = checker(model.publish)
const noApplication = { 'No such application': 'Application not found' }
const read = { ...teamErrors.read, missing: noApplication }
const write = { ...teamErrors.write, missing: noApplication }
const badLimit = { invalid: { 'The limit makes no sense': `limit must be between 1 and ${pageAtMost}` } }

/** Whatever has a type of its own is an upload; a build that is elsewhere may also come as JSON or a plain form. */
async function receive(hub: Hub, request: Request): Promise<Upload> {
  const type = request.headers.get('content-type') ?? ''
  const isUpload = type.startsWith('multipart/') || type.startsWith('application/octet-stream')
  if (!isUpload) return { fields: await readFields(request), file: undefined }
  return receiveUpload(request, { blobs: hub.blobs, field: 'file', limit: hub.config.buildMaxBytes })
}

/** What is wrong is said before a gigabyte is received, where the fields come in the query string. */
async function refuseEarly(hub: Hub, application: Application, request: Request) {
  const isBare = request.headers.get('content-type')?.startsWith('application/octet-stream')
  if (isBare) await hub.releases.refuseTaken(application, checkPublish(queryOf(request)))
}

function sourceOf(url: string | undefined, file: StagedBlob | undefined): NewRelease['from'] {
  if (url !== undefined && file) throw invalid('', ['Give either file or url'])
  if (url !== undefined && URL.canParse(url)) return { url }
  if (url !== undefined) throw invalid('', ['url must be an http or https URL'])
  if (!file) throw invalid('', ['file or url is required'])
  if (file.size === 0) throw invalid('', ['file is empty'])
  return file
}

type Publishing = { hub: Hub; application: Application; request: Request; permit: () => Promise<void> }

/** Receives a build and publishes it, if whoever sent it still may by then; what is refused leaves no bytes behind. */
async function publish({ hub, application, request, permit }: Publishing) {
  await refuseEarly(hub, application, request)
  const { fields, file } = await receive(hub, request)
  try {
    await permit()
    const { version, architecture, notes, url } = checkPublish(fields)
    return await hub.releases.publish(application, {
      version,
      architecture,
      notes: notes || null,
      from: sourceOf(url || undefined, file)
    })
  } finally {
    await file?.discard()
  }
}

/** `/applications/<id>/builds`: published by members and pipelines, listed, withdrawn; and the clients that run them. */
export const buildRoutes = (hub: Hub) => new Elysia({ tags: ['desktop: builds'] }).use(publication(hub)).use(administration(hub))

const publication = (hub: Hub) =>
  new Elysia({ detail: { security: publisherSecurity } }).use(publishing(hub)).post(
    '/applications/:id/builds',
    async ({ params, publisher, request, server, set }) => {
      server?.timeout(request, 0) // an honest uploader may be slow; receiveUpload has a deadline of its own
      const search: Search = {
        asUser: (caller) => hub.applications.forUser(caller.id, params.id, 'write'),
        asProgram: () => hub.applications.byId(params.id)
      }
      const application = await publishedTo(publisher, search)
      const permit = () => stillPublishedTo(hub, { request, server }, search)
      const release = await publish({ hub, application, request, permit })
      set.status = 201
      return model.shown(release, { slug: application.slug, base: baseOf(hub, request) })
    },
    { parse: 'none', response: { 201: model.published }, detail: publishDetail }
  )

const administration = (hub: Hub) =>
  new Elysia({ detail: { security: userSecurity } })
    .use(signedIn(hub))
    .get(
      '/applications/:id/builds',
      async ({ caller, params, query: { limit = 50, cursor }, request }) => {
        const application = await hub.applications.forUser(caller.id, params.id, 'read')
        const { releases, next } = await hub.releases.list(application, { limit, cursor })
        const seen = { slug: application.slug, base: baseOf(hub, request) }
        return { builds: releases.map((release) => model.shown(release, seen)), next: next ?? null }
      },
      {
        query: model.page('Builds', pageAtMost),
        response: { 200: described(model.builds, 'The builds, the last published first') },
        detail: says({
          summary: 'The builds of an application',
          description: 'Of every architecture, withdrawn or not, with how many clients say that they run, and that they do not.',
          errors: { ...read, ...badLimit }
        })
      }
    )
    .patch(
      '/applications/:id/builds/:build_id',
      async ({ body, caller, params, request }) => {
        const application = await hub.applications.forUser(caller.id, params.id, 'write')
        const { withdraw, reinstate } = hub.releases
        const release = await (body.disabled ? withdraw : reinstate)(application, params.build_id)
        return model.shown(release, { slug: application.slug, base: baseOf(hub, request) })
      },
      {
        parse: 'fields',
        body: model.change,
        response: { 200: described(model.build, 'The build as it is now') },
        detail: says({
          summary: 'Withdraw a build, or reinstate it',
          description:
            'A build that is withdrawn is offered to nobody, and its download is not there; clients that ask are told the highest of the others, ' +
            'and those that listen over MQTT are told at once. Its version cannot be published again.',
          errors: {
            ...write,
            missing: { ...noApplication, 'No such build': 'Build not found' },
            invalid: { '`disabled` is missing or wrong': ['', 'disabled must be true or false'] }
          }
        })
      }
    )
    .get(
      '/applications/:id/clients',
      async ({ caller, params, query: { limit = 50, cursor } }) => {
        const application = await hub.applications.forUser(caller.id, params.id, 'read')
        const { clients, next } = await hub.clients.list(application, { limit, cursor })
        const shown = clients.map(({ clientId, seenAt, ...client }) => ({
          client_id: clientId,
          ...client,
          seen_at: seenAt.toISOString()
        }))
        return { clients: shown, next: next ?? null }
      },
      {
        query: model.page('Clients', pageAtMost),
        response: { 200: described(model.clients, 'The clients, by their ids') },
        detail: says({
          summary: 'The clients of an application',
          description:
            'Which version each of them last said that it runs, and when: written within a second, and the same again not before a minute is over.',
          errors: { ...read, ...badLimit }
        })
      }
    )

const publishDetail = says({
  summary: 'Publish a build',
  description:
    'A version for an architecture, published once and never changed: as `file`, or by `url` where it is to be had elsewhere. Send a form ' +
    '(`multipart/form-data`), the build itself (`application/octet-stream`) with the other fields in the query string; with `url`, JSON will do. ' +
    'Clients that ask from then on are told of it if it is the highest version; those that listen over MQTT are told at once.\n\n' +
    'For members of the team, and for pipelines by the application’s API key (`X-API-Key`).',
  takes: {
    'multipart/form-data': {
      ...model.publish,
      required: ['version', 'architecture'],
      properties: {
        ...model.publish.properties,
        file: { type: 'string', format: 'binary', description: 'The build, at most BUILD_MAX_BYTES (1 GiB unless configured)' }
      }
    },
    'application/octet-stream': { type: 'string', format: 'binary', description: 'The build' }
  },
  parameters: ['version', 'architecture', 'notes'].map((name) =>
    inQuery(name, `As \`${name}\` of the form, for a build sent as \`application/octet-stream\``)
  ),
  errors: {
    ...storeErrors,
    unauthorized: keyErrors.unauthorized,
    forbidden: { ...write.forbidden, ...keyErrors.forbidden },
    missing: noApplication,
    invalid: {
      'The version is none': ['', 'version must be a version (Semantic Versioning 2.0.0)'],
      'The architecture is none': ['', 'architecture must be x86_64-pc-windows-gnu or x86_64-unknown-linux-gnu'],
      'The URL is not http or https': ['', 'url must be an http or https URL'],
      'Neither `file` nor `url` is given': ['', 'file or url is required'],
      'Both are given': ['', 'Give either file or url']
    },
    conflict: { 'The version is published for the architecture, withdrawn or not': 'Build already exists' },
    tooLarge: { 'The build is larger than BUILD_MAX_BYTES': 'More than 1073741824 bytes' }
  }
})
