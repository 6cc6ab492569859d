import { Elysia } from 'elysia'
import type { Upload } from '../../features/recipes/archives.ts'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { bearerOf } from '../access.ts'
import { bytesAnswer, describeBytes, wantedOf } from '../bytes.ts'
import { baseOf } from '../links.ts'
import { described, header, inHeader, says, storeErrors } from '../openapi.ts'
import { receiveBody } from '../upload.ts'
import { digestsOf } from './digest.ts'
import * as model from './model.ts'

const octets = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
const sha256Example = 'sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:'
const mismatch = 'The archive is not the one that was announced: its digest is another'

/** `/v1/archives/{recipe id}`: uploaded once, downloaded by anybody. */
export const archiveRoutes = (hub: Hub) =>
  new Elysia({ tags: ['registry: archives'] }).use(uploadRoute(hub)).use(downloadRoute(hub))

/** What is refused, or breaks off, leaves no bytes behind, and may be sent again. */
async function receive(hub: Hub, upload: Upload, request: Request) {
  const announced = digestsOf(request.headers)
  if (request.headers.get('content-type')?.startsWith('multipart/')) throw invalid('Send the archive itself as the body')
  const bytes = await receiveBody(request, { blobs: hub.blobs, limit: hub.config.archiveMaxBytes })
  try {
    if (announced.some((digest) => digest !== bytes.sha256)) throw invalid(mismatch)
    await hub.archives.store(upload, bytes)
    return bytes
  } finally {
    await bytes.discard()
  }
}

const uploadRoute = (hub: Hub) =>
  new Elysia({ detail: { security: [{ upload: [] }] } }).put(
    '/v1/archives/:id',
    async ({ params, request, server, set }) => {
      server?.timeout(request, 0) // an honest uploader may be slow; receiveBody has a deadline of its own
      const upload = await hub.archives.begin(params.id, bearerOf(request.headers))
      try {
        const { size, sha256 } = await receive(hub, upload, request)
        set.status = 201
        return { size, sha256, arDownload: `${baseOf(hub, request)}/v1/archives/${params.id}` }
      } catch (error) {
        await hub.archives.fail(upload)
        throw error
      }
    },
    {
      parse: 'none',
      response: { 201: described(model.storedArchive, 'The archive is there, and the recipe is offered') },
      detail: says({
        summary: 'Upload the archive of a recipe',
        description:
          'The archive itself is the body, with or without `Content-Length`; `arUploadToken` is the credential (here: **Authorize**, `upload`). An upload that is ' +
          'refused or breaks off leaves nothing, and may be repeated with the same token as long as that holds; one that succeeded may not.',
        takes: {
          'application/octet-stream': {
            type: 'string',
            format: 'binary',
            description: 'The archive, at most ARCHIVE_MAX_BYTES (64 MiB unless configured)'
          }
        },
        parameters: [
          inHeader('Repr-Digest', `SHA-256 of the archive, such as \`${sha256Example}\`: another archive is refused`),
          inHeader('Digest', 'The same as older clients say it: `SHA-256=` and the digest in base64')
        ],
        errors: {
          ...storeErrors,
          unauthorized: {
            'The token is missing, made up or too old':
              'Send the arUploadToken of the recipe as Authorization: Bearer; it holds for 10 minutes'
          },
          forbidden: {
            'The token is of another recipe': 'The upload token is of another recipe',
            'Who published the recipe does not maintain the package any more': 'You are not a maintainer of this package'
          },
          missing: { 'The recipe is gone, as its archive did not come in time': 'Recipe not found' },
          conflict: { 'The archive has been uploaded': 'The archive is already there' },
          invalid: {
            'The digest is another': mismatch,
            'The digest makes no sense': 'repr-digest is no SHA-256 in base64',
            'There is nothing in it': 'The archive is empty',
            'It comes as a form': 'Send the archive itself as the body',
            'Nothing has come for a minute, or it has taken more than an hour': 'The upload has stopped'
          },
          tooLarge: { 'The archive is larger than ARCHIVE_MAX_BYTES': 'More than 67108864 bytes' }
        }
      })
    }
  )

const downloadRoute = (hub: Hub) =>
  new Elysia().get(
    '/v1/archives/:id',
    async ({ params, request }) => {
      const archive = await hub.archives.get(params.id)
      const described = describeBytes(archive, {
        'cache-control': 'public, max-age=31536000, immutable', // what is published never changes
        'content-disposition': `attachment; filename="${archive.name}-${archive.version}-${archive.revision}"`,
        'x-content-type-options': 'nosniff'
      })
      const wanted = wantedOf(request.headers, described)
      if (!('start' in wanted)) return bytesAnswer(described, wanted, null)
      return bytesAnswer(described, wanted, await hub.blobs.part(archive, wanted.start, wanted.end))
    },
    {
      parse: 'none',
      detail: says({
        summary: 'Download the archive of a recipe',
        description:
          'What `arDownload` of the recipe points to. Ranges, `ETag` and `HEAD` work as RFC 9110 says: a download that broke off goes on where it ended (`curl -C -`).',
        parameters: [
          inHeader('Range', 'A part of the archive, such as `bytes=0-1048575`; an end past its last byte is clamped'),
          inHeader('If-Range', '`ETag` of the archive that the part belongs to'),
          inHeader('If-None-Match', '`ETag` of the archive that you have: the same gives 304')
        ],
        gives: {
          200: {
            description: 'The archive',
            content: octets,
            headers: {
              ETag: header('SHA-256 of the archive, quoted', `"${'9f86d081884c7d65'.repeat(4)}"`),
              'Repr-Digest': header('SHA-256 of the archive', sha256Example)
            }
          },
          206: {
            description: 'The range asked for',
            content: octets,
            headers: { 'Content-Range': header('Which bytes of how many', 'bytes 0-1048575/52428800') }
          },
          304: { description: 'You have this archive already' },
          416: {
            description: 'The range starts past the end',
            headers: { 'Content-Range': header('The size', 'bytes */52428800') }
          }
        },
        errors: { ...storeErrors, missing: { 'No such recipe, or it has no archive': 'Archive not found' } }
      })
    }
  )
