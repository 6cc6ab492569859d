import { and, eq, exists, inArray, isNull, ne, sql } from 'drizzle-orm'
import type { Change, Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { conflict, HubError, invalid } from '../../lib/errors.ts'
import { newHexId } from '../../lib/secrets.ts'
import type { Blobs } from '../blobs/service.ts'
import { readLog } from '../containers/logs.ts'
import type { Containers } from '../containers/service.ts'
import type { Files } from '../files/service.ts'
import type { Lost } from '../hubs/lost.ts'
import type { Relay } from '../hubs/relay.ts'
import type { Notices } from '../notices/service.ts'
import type { Released } from '../repos/latest.ts'
import type { Repos } from '../repos/service.ts'
import { type Performing, runNameOf } from './performing.ts'
import type { Publishing } from './publishing.ts'
import type { Records, Task, TaskRow } from './records.ts'

const tasksAtMost = 500
const otherHubWithin = 5000
const goneKey = (run: string) => `gone:${run}`

/** A task as its owner describes it. `publishTo`: an application, as `<app>` or `<team>/<app>`. */
export type NewTask = {
  repo: string
  releaseAsset: string
  runCommand: string
  containerImage: string
  files: string[]
  onRelease: boolean
  publishTo: string | undefined
}

/** A piece of the output of a task as it comes, and whose the task is. */
export type Spoken = { task: string; userId: string; bytes: Uint8Array }

type Needs = {
  db: Db
  clock: Clock
  notices: Notices
  blobs: Blobs
  repos: Repos
  files: Files
  records: Records
  publishing: Publishing
  performing: Performing
  containers: Containers
  relay: Relay
}

export type Tasks = ReturnType<typeof createTasks>

/** What users have done with the releases that they watch: a command over an asset, in a container. */
export function createTasks({
  db,
  clock,
  notices,
  blobs,
  repos,
  files,
  records,
  publishing,
  performing,
  containers,
  relay
}: Needs) {
  const { tasks, taskFiles, watchers } = db.tables
  const { runs, spools, mirrors, hubId: node } = containers
  const owners = new Map<string, { task: string; userId: string }>()

  /** Inside a change: starts those of some tasks that do not run. */
  async function startWhere(change: Change, which: ReturnType<typeof and>) {
    const fresh = { containerId: null, logStart: null, logSha256: null, logSize: null, failure: null, version: null }
    const started = await change.tx
      .update(tasks)
      .set({ ...fresh, node, status: 'Running', again: false, run: sql`${tasks.run} + 1` })
      .where(and(which, ne(tasks.status, 'Running')))
      .returning()
    for (const row of started) await performing.tell(change, row)
    change.afterCommit(() => {
      for (const row of started) perform(row)
    })
    return started
  }

  function perform(row: TaskRow) {
    const run = runNameOf(row)
    owners.set(run, { task: row.id, userId: row.userId })
    const again = (change: Change) => startWhere(change, eq(tasks.id, row.id))
    void performing.perform(row, again).finally(() => owners.delete(run))
  }

  /**
   * A release has come out: tasks that wait for it are started, and those that run will be once more. Where it is only its
   * assets that have changed, those are that could not begin: what they are for may have been missing.
   */
  async function released(change: Change, { repoId, what }: Released) {
    const watched = and(eq(watchers.userId, tasks.userId), eq(watchers.repoId, tasks.repoId))
    const watching = exists(change.tx.select({ userId: watchers.userId }).from(watchers).where(watched))
    const waiting = and(eq(tasks.repoId, repoId), eq(tasks.onRelease, true), watching)
    if (what === 'assets') return startWhere(change, and(waiting, eq(tasks.status, 'Failed'), isNull(tasks.version)))
    await change.tx
      .update(tasks)
      .set({ again: true })
      .where(and(waiting, eq(tasks.status, 'Running')))
    return startWhere(change, waiting)
  }

  async function applicationFor(userId: string, name: string | undefined) {
    if (!name) return null
    try {
      return (await publishing.find(userId, name)).id
    } catch (error) {
      throw error instanceof HubError && error.kind === 'missing' ? invalid(error.message) : error
    }
  }

  async function repoFor(userId: string, id: string) {
    try {
      return await repos.ofWatcher(userId, id)
    } catch (error) {
      throw error instanceof HubError && error.kind === 'missing' ? invalid(error.message) : error
    }
  }

  repos.onRelease(async (change, release) => void (await released(change, release)))
  // Whichever hub of several has taken the request: what is gone does not go on.
  notices.listen(({ type, userId, data }) => {
    const isGone = (owner: { task: string; userId: string }) =>
      (type === 'account.deleted' && owner.userId === userId) || (type === 'task.deleted' && owner.task === data.task)
    for (const [run, owner] of owners) if (isGone(owner)) void runs.cancel(run).then(() => relay.announce(goneKey(run)))
  })

  /** Takes back a run that another hub has, by what removes the task; resolves once that has done so, or is taken to be gone. */
  async function removedElsewhere<T>(run: string, remove: () => Promise<T>) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = relay.want(goneKey(run), (bytes) => bytes && resolve())
    const timer = setTimeout(resolve, otherHubWithin)
    try {
      const removed = await remove()
      await promise
      return removed
    } finally {
      clearTimeout(timer)
      stop()
    }
  }

  return {
    /** Makes a task; gives its id. `addFiles` stores more files for it, once all else is right. Throws `invalid` for a repo that is not watched, files that are not there, an application that is not. */
    async create(userId: string, { files: fileIds, ...given }: NewTask, addFiles: () => Promise<string[]>): Promise<string> {
      const repo = await repoFor(userId, given.repo)
      const known = await files.ofUser(userId, fileIds)
      const publishTo = await applicationFor(userId, given.publishTo)
      if ((await db.read.select({ id: tasks.id }).from(tasks).where(eq(tasks.userId, userId))).length >= tasksAtMost)
        throw invalid(`You have ${tasksAtMost} tasks: delete one first`)
      const { releaseAsset, runCommand, containerImage, onRelease } = given
      const of = { repoId: repo.id, repoOwner: repo.ownerName, repoName: repo.name, madeFor: repo.latestVersion }
      const ids = [...known, ...(await addFiles())]
      const id = newHexId()
      const task = { id, userId, ...of, releaseAsset, runCommand, containerImage, onRelease, publishTo }
      await db.write(async ({ tx }) => {
        await tx.insert(tasks).values({ ...task, status: 'Created', run: 0, again: false, createdAt: clock.now() })
        if (ids.length > 0) await tx.insert(taskFiles).values(ids.map((fileId, place) => ({ taskId: id, fileId, place })))
      })
      return id
    },

    /** A user's tasks, each with its repo. */
    list: records.all,

    /** A task of a user. Throws `missing`. */
    ofUser: records.ofUser,

    /** Starts a task: it runs in the background. Throws `missing`, and `conflict` where it runs. */
    async start(userId: string, id: string) {
      const started = await db.write((change) => startWhere(change, and(eq(tasks.id, id), eq(tasks.userId, userId))))
      if (started.length > 0) return
      await records.ofUser(userId, id)
      throw conflict('Task is already running')
    },

    /** Deletes a task, and what runs of it; gives it as it was. Throws `missing`. */
    async remove(userId: string, id: string): Promise<Task> {
      const task = await records.ofUser(userId, id)
      await runs.cancel(runNameOf(task))
      const removeRow = () =>
        db.write(async (change) => {
          const [row] = await change.tx.delete(tasks).where(eq(tasks.id, id)).returning({ run: tasks.run })
          if (row) await notices.record(change, { type: 'task.deleted', userId, data: { task: id } })
          return row
        })
      const isElsewhere = task.status === 'Running' && task.node !== node
      const gone = await (isElsewhere ? removedElsewhere(runNameOf(task), removeRow) : removeRow())
      if (gone) await runs.cancel(runNameOf({ id, run: gone.run })) // it may have been started meanwhile
      spools.wake(runNameOf(task))
      return task
    },

    /** The log of the last run of a task of a user. Throws `missing`. */
    async log(userId: string, id: string) {
      const task = await records.ofUser(userId, id)
      const run = runNameOf(task)
      const isOver = task.status !== 'Running'
      return { ...readLog({ ...containers, blobs, run, stored: task }), run, isOver }
    },

    /** Calls `wake` whenever there may be more to read of a log. Gives the way to stop. */
    onLog: mirrors.onNews,

    /** Calls `listener` with whatever tasks write. */
    listen(listener: (spoken: Spoken) => void) {
      spools.listen((run, bytes) => {
        const owner = owners.get(run)
        if (owner) listener({ ...owner, bytes })
      })
    },

    /** The hubs at which tasks are under way. */
    nodes: records.nodes,

    /** Ends what is under way at a hub that is gone; gives how much that was. What runs by itself starts anew, at this hub. */
    lose: (gone: string, lost: Lost) =>
      db.write(async (change) => {
        const isThere = and(eq(tasks.status, 'Running'), eq(tasks.node, gone))
        const ended = await change.tx
          .update(tasks)
          .set({ ...lost, status: 'Failed' })
          .where(isThere)
          .returning()
        for (const row of ended) await performing.tell(change, row)
        const again = ended.filter((row) => row.onRelease || row.again).map(({ id }) => id)
        if (again.length > 0) await startWhere(change, inArray(tasks.id, again))
        return ended.length
      }),

    /** Takes up again what an earlier process of this hub left under way. */
    async resume() {
      for (const row of await records.underWay(node)) perform(row)
    }
  }
}
