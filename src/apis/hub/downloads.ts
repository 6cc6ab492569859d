import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { missing } from '../../lib/errors.ts'
import { bytesAnswer, describeBytes, wantedOf } from '../bytes.ts'
import { header, inHeader, says, storeErrors } from '../openapi.ts'

const octets = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }

/** `GET /downloads/<build_id>/<slug>_<version>`: the bytes of a build, for anybody. */
export const downloadRoutes = (hub: Hub) =>
  new Elysia({ tags: ['desktop: clients'] }).get(
    '/downloads/:id/:name',
    async ({ params, request }) => {
      const { fileName, ...bytes } = await hub.releases.download(params.id)
      if (params.name !== fileName) throw missing('Build not found')
      const described = describeBytes(bytes, {
        // A build may be withdrawn, so whoever keeps it asks again.
        'cache-control': 'public, no-cache',
        // Anybody in a team uploads, and what they do must not run as a page of the hub.
        'content-disposition': `attachment; filename="${fileName}"`,
        'x-content-type-options': 'nosniff'
      })
      const wanted = wantedOf(request.headers, described)
      if (!('start' in wanted)) return bytesAnswer(described, wanted, null)
      hub.metrics.buildSent(wanted.end - wanted.start + 1)
      return bytesAnswer(described, wanted, await hub.blobs.part(bytes, wanted.start, wanted.end))
    },
    {
      parse: 'none',
      detail: says({
        summary: 'Download a build',
        description:
          'What `url` of the latest version points to where the build was uploaded; the version is the text after the last `_`. Ranges, `ETag` and `HEAD` ' +
          'work as RFC 9110 says, so a download that broke off goes on where it ended (`curl -C -`). A build that is withdrawn is not there.',
        parameters: [
          inHeader('Range', 'A part of the build, such as `bytes=0-1048575`; an end past its last byte is clamped'),
          inHeader('If-Range', '`ETag` of the build that the part belongs to: of another, all of it is answered'),
          inHeader('If-None-Match', '`ETag` of the build that you have: the same gives 304')
        ],
        gives: {
          200: {
            description: 'The build',
            content: octets,
            headers: {
              ETag: header('SHA-256 of the build, quoted', `"${'9f86d081884c7d65'.repeat(4)}"`),
              'Repr-Digest': header('SHA-256 of the build', 'sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:')
            }
          },
          206: {
            description: 'The range asked for',
            content: octets,
            headers: { 'Content-Range': header('Which bytes of how many', 'bytes 0-1048575/52428800') }
          },
          304: { description: 'You have this build already' },
          416: {
            description: 'The range starts past the end',
            headers: { 'Content-Range': header('The size', 'bytes */52428800') }
          }
        },
        errors: { ...storeErrors, missing: { 'No such build, or it is withdrawn': 'Build not found' } }
      })
    }
  )
