import { Elysia } from 'elysia'
import type { Hub } from '../../hub.ts'
import { open } from '../access.ts'
import { described, type Errors, says } from '../openapi.ts'
import { latestVersion, runningOf } from './advice.ts'
import * as model from './model.ts'

const invalid: Errors['invalid'] = {
  'The version is none': ['', 'current_running_version must be a version (Semantic Versioning 2.0.0)'],
  'The architecture is none': ['', 'architecture must be x86_64-pc-windows-gnu or x86_64-unknown-linux-gnu'],
  'The client id is no UUID': ['', 'client_id must be a UUID']
}

/** What desktop programs ask and report, without a sign-in. */
export const clientRoutes = (hub: Hub) =>
  new Elysia({ tags: ['desktop: clients'] })
    .use(open())
    // Asked for all the time: `app.ts` has it answered in front of Elysia.
    .post('/applications/latest-version', ({ request, server }) => latestVersion(hub, { request, server }), {
      parse: 'none',
      response: { 200: described(model.latest, 'The latest version') },
      detail: says({
        summary: 'The latest version of an application',
        description:
          'For the architecture of the client: of all builds that are not withdrawn, the one with the highest version by the precedence of ' +
          'Semantic Versioning. `update_required` says whether it is newer than what the client runs. A client may be told at once instead, ' +
          'by MQTT: `applications/<app_id>/<architecture>/latest-version`.\n\n' +
          'What the client runs is noted: see `GET /applications/{id}/clients`.',
        takes: {
          'application/json': model.running,
          'application/x-www-form-urlencoded': model.running,
          'multipart/form-data': model.running
        },
        errors: {
          tooLarge: { 'The body has more than 64 KiB': 'The body may have at most 65536 bytes' },
          invalid,
          missing: {
            'No such application': 'Application not found',
            'It has no build for the architecture': 'No build for this architecture'
          }
        }
      })
    })
    .use(report(hub, 'success'))
    .use(report(hub, 'failure'))

const summaries = { success: 'Report that a build runs', failure: 'Report that a build does not run' }

const report = (hub: Hub, outcome: 'success' | 'failure') =>
  new Elysia().use(open()).post(
    `/builds/${outcome}`,
    async ({ body }) => {
      await hub.clients.report(runningOf(body), outcome)
      return {}
    },
    {
      parse: 'openFields',
      body: model.running,
      response: { 200: described(model.nothing, 'It is counted') },
      detail: says({
        summary: summaries[outcome],
        description:
          'Counts for the build of `current_running_version`. A client has one vote for a build: what it says later takes the place of what it said before.',
        errors: {
          invalid,
          missing: {
            'No such application': 'Application not found',
            'It has no build of that version for the architecture': 'Build not found'
          }
        }
      })
    }
  )
