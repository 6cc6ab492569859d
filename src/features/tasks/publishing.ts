import type { Change } from '../../db/index.ts'
import { HubError } from '../../lib/errors.ts'
import type { Application, Applications } from '../applications/service.ts'
import { RunFailure } from '../containers/failures.ts'
import type { Output } from '../containers/outputs.ts'
import type { Deployments } from '../deployments/service.ts'
import type { Teams } from '../teams/service.ts'
import type { Task } from './records.ts'

const boards = ['esp8266']

/** What a task has left behind for an application. */
export type Published = { application: Application | undefined; outputs: Output[] }

type Needs = { teams: Teams; applications: Applications; deployments: Deployments }

/** Whether a file of a task's output is published, by its name: `<name>.<board>.image`. */
export const isPublished = (name: string) => boardOf(name) !== undefined

const boardOf = (name: string) => boards.find((board) => name.endsWith(`.${board}.image`) && name !== `.${board}.image`)

export type Publishing = ReturnType<typeof createPublishing>

/** What a task leaves in `/task/output` becomes deployments of an application. */
export function createPublishing({ teams, applications, deployments }: Needs) {
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

    /** Inside a change: deploys images, all with one group id; their bytes are kept already. */
    async deploy(change: Change, { application, outputs }: Published, groupId: string) {
      if (!application) return
      for (const { name, bytes } of outputs) {
        const board = boardOf(name)
        if (board) await deployments.add(change, application, { board, tag: null, groupId }, bytes)
      }
    }
  }
}
