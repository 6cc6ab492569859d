import { timingSafeEqual } from 'node:crypto'
import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { forbidden, unauthorized } from '../../lib/errors.ts'
import { hashSecret } from '../../lib/secrets.ts'
import { addressed } from '../access.ts'
import { says } from '../openapi.ts'

const loopback = /^(127\.|::1$|::ffff:127\.)/
const forwarding = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via']

/** `GET /metrics`: for Prometheus, by METRICS_TOKEN, or else for this machine only. */
export const metricsRoutes = (hub: Hub) =>
  new Elysia({ tags: ['health'], detail: { security: [{ metrics: [] }, {}] } }).use(addressed()).get(
    '/metrics',
    async ({ request: { headers }, address }) => {
      const { metricsToken } = hub.config
      if (metricsToken === undefined) requireThisMachine(headers, address)
      else requireToken(headers, metricsToken)
      const { text, type } = await hub.metrics.page()
      return new Response(text, { headers: { 'content-type': type, 'cache-control': 'no-store' } })
    },
    {
      detail: says({
        summary: 'What the hub counts of itself',
        description:
          'In the text format of Prometheus: connected clients, notices told and their delay, heartbeats, bytes of images, queue lengths, ' +
          'commits and their size, what GitHub answered, the delay of the event loop, refusals by reason. With METRICS_TOKEN set, send it as `Authorization: Bearer`.',
        gives: {
          200: {
            description: 'The figures as of now',
            content: { 'text/plain': { schema: { type: 'string', examples: ['updraft_heartbeats_total 42'] } } }
          }
        },
        errors: { forbidden: { 'No METRICS_TOKEN is set, and you are not on this machine': notHere } }
      })
    }
  )

const notHere = 'Without METRICS_TOKEN the figures are for this machine only'

/** What a proxy on this machine passes on is not of this machine. */
function requireThisMachine(headers: Headers, address: string) {
  if (!loopback.test(address) || forwarding.some((name) => headers.has(name))) throw forbidden(notHere)
}

function requireToken(headers: Headers, token: string) {
  const given = headers.get('authorization')?.match(/^bearer +(\S+)$/i)?.[1] ?? ''
  if (!timingSafeEqual(Buffer.from(hashSecret(given)), Buffer.from(hashSecret(token)))) throw unauthorized()
}
