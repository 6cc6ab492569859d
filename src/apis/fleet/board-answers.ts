import { readStatus } from '../../features/devices/status.ts'
import type { Hub } from '../../hub.ts'
import { forbidden, missing } from '../../lib/errors.ts'
import { linesOf } from '../../lib/text.ts'
import { type Asked, addressOf } from '../access.ts'
import { queryOf, readText } from '../fields.ts'
import { imageAnswer, wantedOf } from './image.ts'

// Nothing here waits for what is in memory: each await is another turn, and these are asked for all the time.

const logMaxBytes = 64 * 1024
const asText = { headers: new Headers({ 'content-type': 'text/plain' }) }

/** Answers `PUT /devices/:secret/heartbeat`. */
export async function heartbeat(hub: Hub, asked: Asked, secret: string) {
  const found = hub.devices.bySecret(secret, () => addressOf(asked))
  const state = found instanceof Promise ? await found : found
  const { status = '', deployment_id: running } = queryOf(asked.request)
  const report = readStatus(status, running)
  const body = await readText(asked.request, logMaxBytes)
  const answer = await hub.reports.heartbeat(state, report, linesOf(body))
  return new Response(answer.relaunch ? 'R' : String(answer.deploymentId ?? 'X'), asText)
}

/** Answers `GET /devices/:secret/image`. */
export async function image(hub: Hub, asked: Asked, secret: string) {
  const { headers } = asked.request
  const state = hub.devices.bySecret(secret, () => addressOf(asked))
  const { deployment_id: given } = queryOf(asked.request)
  const chosen = hub.deployments.forDevice(state instanceof Promise ? await state : state, deploymentId(given))
  const deployment = chosen instanceof Promise ? await chosen : chosen
  const free = Number(headers.get('x-esp8266-free-space') ?? Number.POSITIVE_INFINITY)
  if (free < deployment.size) throw forbidden(`The image needs ${deployment.size} bytes, the device has ${free} free`)
  const wanted = wantedOf(headers, deployment)
  if (!('start' in wanted)) return imageAnswer(deployment, wanted, null)
  const part = hub.blobs.part(deployment, wanted.start, wanted.end)
  const body = part instanceof Promise ? await part : part
  hub.metrics.imageSent(wanted.end - wanted.start + 1)
  return imageAnswer(deployment, wanted, body)
}

/** A malformed id is one that is not there. */
function deploymentId(given: string | undefined) {
  if (given === undefined) return undefined
  if (!/^\d{1,10}$/.test(given) || Number(given) > 2_147_483_647) throw missing('Deployment not found')
  return Number(given)
}
