import { and, asc, eq } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import { missing } from '../../lib/errors.ts'
import type { Files, StoredFile } from '../files/service.ts'
import type { Repos } from '../repos/service.ts'
import type { WatchedRepo } from '../repos/watch-lists.ts'

export type TaskRow = Db['tables']['tasks']['$inferSelect']

/** A task with its files; `publishesTo` is the application as `<team>/<app>`. */
export type Task = TaskRow & { files: StoredFile[]; publishesTo: string | null }

/** A task with its repo as its owner sees it. */
export type TaskOfRepo = Task & { repo: WatchedRepo }

export type Records = ReturnType<typeof createRecords>

/** Reads tasks. */
export function createRecords({ db, files, repos }: { db: Db; files: Files; repos: Repos }) {
  const { tasks, applications, teams } = db.tables

  async function read(where: ReturnType<typeof and>): Promise<Task[]> {
    const rows = await db.read
      .select({ task: tasks, app: applications.slug, team: teams.name })
      .from(tasks)
      .leftJoin(applications, eq(applications.id, tasks.publishTo))
      .leftJoin(teams, eq(teams.id, applications.teamId))
      .where(where)
      .orderBy(asc(tasks.createdAt), asc(tasks.id))
    const ofTasks = await files.ofTasks(rows.map(({ task }) => task.id))
    return rows.map(({ task, app, team }) => ({
      ...task,
      files: ofTasks.get(task.id) ?? [],
      publishesTo: app !== null && team !== null ? `${team}/${app}` : null
    }))
  }

  return {
    /** A task of a user. Throws `missing`, also where it is somebody else's. */
    async ofUser(userId: string, id: string): Promise<Task> {
      const [task] = await read(and(eq(tasks.id, id), eq(tasks.userId, userId)))
      if (!task) throw missing('Task not found')
      return task
    },

    /** A task, whosever it is; undefined where it is gone. */
    byId: async (id: string): Promise<Task | undefined> => (await read(eq(tasks.id, id)))[0],

    /** All tasks of a user with their repos, in the order in which they were made. */
    async all(userId: string): Promise<TaskOfRepo[]> {
      const watched = new Map((await repos.list(userId)).map((repo) => [repo.id, repo]))
      const found = await read(eq(tasks.userId, userId))
      return found.map((task) => ({ ...task, repo: watched.get(task.repoId) ?? asItWas(task) }))
    },

    /** The hubs at which tasks are under way. */
    async nodes() {
      const rows = await db.read.select({ node: tasks.node }).from(tasks).where(eq(tasks.status, 'Running'))
      return [...new Set(rows.flatMap(({ node }) => node ?? []))]
    },

    /** The tasks that are under way at a hub, those with containers first. */
    async underWay(node: string) {
      const rows = await db.read
        .select()
        .from(tasks)
        .where(and(eq(tasks.status, 'Running'), eq(tasks.node, node)))
        .orderBy(asc(tasks.id))
      return [...rows.filter((row) => row.containerId !== null), ...rows.filter((row) => row.containerId === null)]
    }
  }
}

/** What is known of a repo that the owner of the task does not watch any more. */
const asItWas = ({ repoId: id, repoOwner: ownerName, repoName: name, madeFor }: TaskRow): WatchedRepo => ({
  id,
  ownerName,
  name,
  assets: [],
  currentVersion: madeFor,
  latestVersion: madeFor
})
