import { Elysia } from 'elysia'
import { readStatus } from '../../features/devices/status.ts'
import type { Hub } from '../../hub.ts'
import { forbidden, missing } from '../../lib/errors.ts'
import { linesOf } from '../../lib/text.ts'
import { addressed } from '../access.ts'
import { queryOf, readBytes, readFields } from '../fields.ts'
import { header, inHeader, inQuery, says } from '../openapi.ts'
import { imageAnswer } from './image.ts'

const logMaxBytes = 64 * 1024

const errors = { missing: 'No device has this secret', tooMany: 'Too many unknown secrets from this address' }

/** What BaseOS on a device asks for, known by its secret. */
export const boardRoutes = (hub: Hub) =>
  new Elysia({ tags: ['fleet: BaseOS'] })
    .use(addressed())
    .put(
      '/devices/:secret/heartbeat',
      async ({ params, request, address }) => {
        const device = await hub.devices.bySecret(params.secret, address)
        const report = readStatus(queryOf(request).status ?? '')
        const body = await readBytes(request, logMaxBytes)
        const answer = await hub.reports.heartbeat(device, report, linesOf(body.toString('utf8')))
        const text = answer.relaunch ? 'R' : String(answer.deploymentId ?? 'X')
        return new Response(text, { headers: { 'content-type': 'text/plain', 'content-length': String(text.length) } })
      },
      {
        parse: 'none',
        detail: says({
          summary: 'Heartbeat of a device',
          description:
            'Stores the status, the time and the log lines of the body, then answers `R` (relaunch the app; said once), ' +
            'the id of the deployment to run, or `X` where there is none.',
          parameters: [{ ...inQuery('status', 'new, ready or running', 'running'), required: true }],
          takes: { 'text/plain': { type: 'string', description: 'Log lines; may be empty', examples: ['booted\n'] } },
          gives: {
            200: {
              description: 'A deployment id, `X` or `R`',
              content: { 'text/plain': { schema: { type: 'string', examples: ['87'] } } }
            }
          },
          errors: { ...errors, invalid: 'No such status', tooLarge: 'More than 64 KiB of log' }
        })
      }
    )
    .get('/devices/:secret/image', ({ params, request, address }) => image(hub, params.secret, request, address), {
      parse: 'none',
      detail: imageDetail
    })

async function image(hub: Hub, secret: string, request: Request, address: string) {
  const device = await hub.devices.bySecret(secret, address)
  const { deployment_id: given } = await readFields(request)
  const deployment = await hub.deployments.forDevice(device, given === undefined ? undefined : deploymentId(given))
  const free = Number(request.headers.get('x-esp8266-free-space') ?? Number.POSITIVE_INFINITY)
  if (free < deployment.size) throw forbidden(`The image needs ${deployment.size} bytes, the device has ${free} free`)
  return imageAnswer(request, deployment, hub.blobs.part)
}

/** A malformed id is one that is not there. */
function deploymentId(given: unknown) {
  const text = String(given)
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2_147_483_647) throw missing('Deployment not found')
  return Number(text)
}

const imageDetail = says({
  summary: 'Image for a device',
  description:
    'The image of `deployment_id`, or else of the deployment that the device should run. Ranges, validators and `HEAD` work as RFC 9110 says; ' +
    'it also answers Arduino’s `ESPhttpUpdate`.',
  parameters: [
    inQuery('deployment_id', 'A deployment; the newest for the device when left out', '87'),
    inHeader('Range', 'A part of the image; an end past its last byte is clamped', 'bytes=0-4095'),
    inHeader('x-ESP8266-sketch-md5', 'MD5 of what the device runs: the same gives 304', 'd41d8cd98f00b204e9800998ecf8427e')
  ],
  gives: {
    200: {
      description: 'The image',
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
      headers: { ETag: header('SHA-256 of the image, quoted', '"9f86d0…"'), 'x-MD5': header('MD5 of the image', 'd41d8c…') }
    },
    206: {
      description: 'The range asked for',
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
      headers: { 'Content-Range': header('Which bytes of how many', 'bytes 0-4095/438208') }
    },
    304: { description: 'The device has this image already' },
    416: { description: 'The range starts past the end', headers: { 'Content-Range': header('The size', 'bytes */438208') } }
  },
  errors: {
    ...errors,
    forbidden: 'The device is not associated with the deployment’s application, or has too little free space',
    missing: 'No such device or deployment, the deployment is not for this device, or there is none'
  }
})
