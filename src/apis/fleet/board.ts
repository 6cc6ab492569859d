import { Elysia } from 'elysia'
import { statusRule } from '../../features/devices/status.ts'
import type { Hub } from '../../hub.ts'
import { header, inHeader, inQuery, says, storeErrors } from '../openapi.ts'
import { heartbeat, image } from './board-answers.ts'

const statuses = { type: 'string', enum: ['new', 'ready', 'running'] }
const octets = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }

const errors = {
  missing: { 'No device has this secret': 'Device not found' },
  tooMany: { 'Too many unknown secrets from this address': '' }
}

/** What BaseOS on a device asks for, known by its secret. It is asked for all the time: `app.ts` has it answered in front of Elysia. */
export const boardRoutes = (hub: Hub) =>
  new Elysia({ tags: ['fleet: BaseOS'] })
    .put('/devices/:secret/heartbeat', ({ params, request, server }) => heartbeat(hub, { request, server }, params.secret), {
      parse: 'none',
      detail: says({
        summary: 'Heartbeat of a device',
        description:
          'What a device sends from time to time. The hub stores its status, the time and the log lines of the body, then answers ' +
          '`R` (relaunch the app; said once), the id of the deployment to run, or `X` where there is none. ' +
          'A device that is silent for DEVICE_DOWN_AFTER is listed as `down`.',
        parameters: [
          { ...inQuery('status', 'What the device is doing', statuses), required: true, example: 'running' },
          inQuery('deployment_id', 'With `running`: the deployment that it runs, as listed in `running_id`', {
            type: 'integer',
            minimum: 1
          })
        ],
        needsBody: false,
        takes: {
          'text/plain': {
            type: 'string',
            description: 'Log lines since the last heartbeat, at most 64 KiB and 1000 lines; none is fine',
            examples: ['booted\nconnected to wifi\n']
          }
        },
        gives: {
          200: {
            description: 'A deployment id, `X` or `R`',
            content: { 'text/plain': { schema: { type: 'string', examples: ['87'] } } }
          }
        },
        errors: {
          ...errors,
          invalid: { 'No such status, or a deployment_id that is none': ['Validation failed', statusRule] },
          tooLarge: {
            'More than 64 KiB of log': 'The body may have at most 65536 bytes',
            'More than 1000 lines': 'At most 1000 log lines at a time'
          }
        }
      })
    })
    .get('/devices/:secret/image', ({ params, request, server }) => image(hub, { request, server }, params.secret), {
      parse: 'none',
      detail: imageDetail
    })

const imageDetail = says({
  summary: 'Image for a device',
  description:
    'The image of `deployment_id`, or else of the deployment that the device should run. Ranges, `ETag` and `HEAD` work as RFC 9110 says; ' +
    'Arduino’s `ESPhttpUpdate` may ask here as it is.',
  parameters: [
    inQuery('deployment_id', 'Id of a deployment, such as `87`. Left out: the one that the device should run', {
      type: 'integer',
      minimum: 1
    }),
    inHeader('Range', 'A part of the image, such as `bytes=0-4095`; an end past its last byte is clamped'),
    inHeader('If-None-Match', '`ETag` of the image that the device has: the same gives 304'),
    inHeader('x-ESP8266-sketch-md5', 'MD5 of what the device runs, 32 hex digits: the same gives 304'),
    inHeader('x-ESP8266-free-space', 'Bytes that the device has free: too few give 403')
  ],
  gives: {
    200: {
      description: 'The image',
      content: octets,
      headers: {
        ETag: header('SHA-256 of the image, quoted', `"${'9f86d081884c7d65'.repeat(4)}"`),
        'x-MD5': header('MD5 of the image', '098f6bcd4621d373cade4e832627b4f6')
      }
    },
    206: {
      description: 'The range asked for',
      content: octets,
      headers: { 'Content-Range': header('Which bytes of how many', 'bytes 0-4095/438208') }
    },
    304: { description: 'The device has this image already' },
    416: { description: 'The range starts past the end', headers: { 'Content-Range': header('The size', 'bytes */438208') } }
  },
  errors: {
    ...errors,
    ...storeErrors,
    forbidden: {
      'The device is not associated with the application of the deployment': 'The device is not associated with the application',
      'The device has too little free space': 'The image needs 438208 bytes, the device has 262144 free'
    },
    missing: {
      ...errors.missing,
      'There is no deployment for the device': 'No deployments',
      'No such deployment': 'Deployment not found',
      'The deployment is for another board or tag': 'The deployment is not for this device'
    }
  }
})
