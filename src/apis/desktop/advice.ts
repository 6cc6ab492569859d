import type { Advice } from '../../features/releases/clients.ts'
import type { Architecture, Running } from '../../features/releases/columns.ts'
import { urlOf } from '../../features/releases/links.ts'
import type { Hub } from '../../hub.ts'
import type { Asked } from '../access.ts'
import { checker } from '../complaints.ts'
import { readFields } from '../fields.ts'
import { baseOf } from '../links.ts'
import * as model from './model.ts'

const checkRunning = checker(model.running)

type Said = { client_id: string; app_id: string; current_running_version: string; architecture: Architecture }

/** What a client says that it runs. UUIDs are compared without case. */
export const runningOf = ({ client_id, app_id, current_running_version: version, architecture }: Said): Running => ({
  clientId: client_id.toLowerCase(),
  applicationId: app_id.toLowerCase(),
  version,
  architecture
})

/** Answers `POST /applications/latest-version`. What is in memory is not waited for: it is asked for all the time. */
export async function latestVersion(hub: Hub, { request }: Asked) {
  const advice = hub.clients.advise(runningOf(checkRunning(await readFields(request))))
  return adviceAnswer(advice instanceof Promise ? await advice : advice, baseOf(hub, request))
}

const adviceAnswer = ({ release, isUpdate }: Advice, base: string) =>
  Response.json({ build_id: release.id, version: release.version, url: urlOf(release, base), update_required: isUpdate })
