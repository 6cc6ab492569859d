import type { Change } from '../../db/index.ts'
import { HubError } from '../../lib/errors.ts'
import { newId } from '../../lib/secrets.ts'
import { isVersion } from '../../lib/versions.ts'
import type { Application, Applications } from '../applications/service.ts'
import { RunFailure } from '../containers/failures.ts'
import type { Output } from '../containers/outputs.ts'
import type { Deployments } from '../deployments/service.ts'
import type { Releases } from '../releases/service.ts'
import type { Teams } from '../teams/service.ts'
import { type Purpose, purposeOf } from './outputs.ts'
import type { Task } from './records.ts'

/** What a task has left behind for an application, and the version that it is of: a release's tag without a leading `v`. */
export type Published = { application: Application | undefined; version: string; outputs: Output[] }

type Needs = { teams: Teams; applications: Applications; deployments: Deployments; releases: Releases }

export type Publishing = ReturnType<typeof createPublishing>

/** What a task leaves in `/task/output` becomes deployments and releases of an application. */
export function createPublishing({ teams, applications, deployments, releases }: Needs) {
  /** An application by `<team>/<app>`, or by `<app>` alone among the user's teams, for a user who may publish there. */
  async function find(userId: string, name: string) {
    const [team, slug] = name.split('/')
    if (slug === undefined) return applications.ofUser(userId, name, 'write')
    return applications.inTeam(await teams.access(userId, team ?? '', 'write'), slug)
  }

  return {
    find,

    /** The application that a task publishes to, if it does. Throws a `RunFailure` where its owner may not any more. */
    async applicationOf({ userId, publishesTo }: Task) {
      try {
        return publishesTo === null ? undefined : await find(userId, publishesTo)
      } catch (error) {
        if (!(error instanceof HubError)) throw error
        throw new RunFailure(`It could not be published to ${publishesTo}: ${error.message}`)
      }
    },

    /** What a task's output is to be published as. Throws a `RunFailure` where it cannot be. */
    publishable(application: Application, tag: string, outputs: Output[]): Published {
      const version = tag.replace(/^v/, '')
      const builds = outputs.flatMap((output) => {
        const { architecture } = purposeOf(output.name) ?? {}
        return architecture ? { ...output, architecture } : []
      })
      if (builds[0] && !isVersion(version)) {
        const [name, what] = [builds[0].name, tag].map((text) => JSON.stringify(text))
        throw new RunFailure(`${name} could not be published: ${what} is no semantic version`)
      }
      refuseUnfit(builds)
      return { application, version, outputs }
    },

    /**
     * Inside a change that has the lock order already: deploys images, all with one group id, and publishes builds; their bytes are kept
     * already. A build that there is stays what it is: so a task may run again over the same release.
     */
    async publish(change: Change, { application, version, outputs }: Published) {
      if (!application) return
      const groupId = newId()
      for (const { name, bytes } of outputs) {
        const { board, architecture } = purposeOf(name) ?? {}
        if (board) await deployments.add(change, application, { board, tag: null, groupId }, bytes)
        if (architecture) await releases.add(change, application, { architecture, version, notes: null, from: bytes })
      }
    }
  }
}

type Build = Output & { architecture: NonNullable<Purpose['architecture']> }

function refuseUnfit(builds: Build[]) {
  for (const [i, { name, architecture, bytes }] of builds.entries()) {
    if (bytes.size === 0) throw new RunFailure(`${JSON.stringify(name)} is empty`)
    if (builds.findIndex((build) => build.architecture === architecture) < i)
      throw new RunFailure(`It left behind more than one build for ${architecture}`)
  }
}
