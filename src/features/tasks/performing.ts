import { Readable } from 'node:stream'
import { and, eq } from 'drizzle-orm'
import type { Pack } from 'tar-stream'
import type { Change, Db } from '../../db/index.ts'
import { HubError } from '../../lib/errors.ts'
import { createSlots } from '../../lib/slots.ts'
import type { Blobs } from '../blobs/service.ts'
import { packed, putFile, putFolder } from '../containers/archives.ts'
import { RunFailure } from '../containers/failures.ts'
import { distinctNames, safeName } from '../containers/names.ts'
import { discardOutputs, takeOutputs } from '../containers/outputs.ts'
import type { Prepared, Run, RunEnd } from '../containers/runs.ts'
import type { Containers } from '../containers/service.ts'
import type { Notices } from '../notices/service.ts'
import type { Repos } from '../repos/service.ts'
import { chooseAsset } from './choice.ts'
import { commandOf } from './command.ts'
import { purposeOf } from './outputs.ts'
import type { Published, Publishing } from './publishing.ts'
import type { Records, Task, TaskRow } from './records.ts'

const quietFor = 2000
const outputsAtMost = 16
const outputAtMost = 4 * 1024 * 1024 * 1024

type Needs = {
  db: Db
  notices: Notices
  blobs: Blobs
  repos: Repos
  records: Records
  publishing: Publishing
  containers: Containers
  /** How many are under way at a time. */
  atOnce: number
  imageMaxBytes: number
  buildMaxBytes: number
}

type Content = { name: string; sha256: string; size: number; extract: boolean }

type Again = (change: Change) => Promise<unknown>

const nothing: Published = { application: undefined, version: '', outputs: [] }

export const runNameOf = ({ id, run }: Pick<TaskRow, 'id' | 'run'>) => `task-${id}-${run}`

export type Performing = ReturnType<typeof createPerforming>

/** Runs of tasks: what goes into the container, and what becomes of what comes out. */
export function createPerforming({ db, notices, blobs, repos, records, publishing, containers, ...settings }: Needs) {
  const { tasks } = db.tables
  const slots = createSlots(settings.atOnce)

  /** How large a file of a task's output may be; undefined where it is not published. */
  function limitOf(name: string) {
    const purpose = purposeOf(name)
    return purpose && (purpose.board ? settings.imageMaxBytes : settings.buildMaxBytes)
  }

  /** The asset of the latest release that a task is for, as bytes in the store. */
  async function fetchAsset(task: Task, say: (line: string) => Promise<void>) {
    const repo = await repos.ofWatcher(task.userId, task.repoId)
    const asset = chooseAsset(repo.assets, repo.latestVersion, task)
    if (!asset) throw new RunFailure(`Release ${repo.latestVersion} has no asset ${JSON.stringify(task.releaseAsset)}`)
    const late = setTimeout(() => void say(`Fetching ${JSON.stringify(asset.name)}, ${asset.size} bytes`), quietFor)
    try {
      return { version: repo.latestVersion, stored: await repos.asset(repo.id, asset.id) }
    } finally {
      clearTimeout(late)
    }
  }

  async function prepare(task: Task, say: (line: string) => Promise<void>): Promise<Prepared & { version: string }> {
    try {
      const { version, stored } = await fetchAsset(task, say)
      const contents = namedApart([{ ...stored, extract: false }, ...task.files])
      const [asset] = contents
      return {
        version,
        command: commandOf(
          task.runCommand,
          contents.flatMap(({ name, extract }) => (extract ? name : []))
        ),
        env: { RELEASE_VERSION: version, RELEASE_ASSET: asset?.name ?? '' },
        archive: packed((archive) => fill(archive, contents))
      }
    } catch (error) {
      throw error instanceof HubError ? new RunFailure(error.message) : error
    }
  }

  async function fill(archive: Pack, contents: Content[]) {
    putFolder(archive, 'task')
    putFolder(archive, 'task/output')
    for (const { name, sha256, size } of contents) {
      const header = { name: `task/${name}`, mode: 0o755, size }
      if (size === 0) archive.entry(header, '')
      else await putFile(archive, header, Readable.from(bytesOf(await blobs.part({ sha256, size }, 0, size - 1))))
    }
  }

  /** Inside a change: stores what there is to say of a run that is under way; gives the task, unless it is not. */
  async function set(change: Change, { id, run }: TaskRow, values: Partial<TaskRow>) {
    const isIt = and(eq(tasks.id, id), eq(tasks.run, run), eq(tasks.status, 'Running'))
    const [row] = await change.tx.update(tasks).set(values).where(isIt).returning()
    return row
  }

  /** Inside a change: records that a task has another status. */
  const tell = (change: Change, { id, userId, status, repoId }: TaskRow) =>
    notices.record(change, { type: 'task.status', userId, data: { task: id, status, repo_id: repoId } })

  async function store(task: Task, version: string | null, { end, again }: { end: RunEnd<Published>; again: Again }) {
    const published = end.collected ?? nothing
    for (const { bytes } of published.outputs) await bytes.keep()
    const log = { logSha256: end.log.sha256, logSize: end.log.size }
    const outcome = { status: end.failure === undefined ? 'Succeeded' : 'Failed', failure: end.failure ?? null } as const
    await db.write(async (change) => {
      if (published.application) await change.lockOrder() // before the task's row: what is published needs it
      const ended = await set(change, task, { ...outcome, ...log })
      if (!ended) return
      const { userId, repoId } = task
      if (ended.status === 'Succeeded' && version) await repos.setCurrentVersion(change, { userId, repoId, version })
      await publishing.publish(change, published)
      await tell(change, ended)
      if (ended.again) await again(change)
    })
    await discardOutputs(published.outputs)
  }

  function runFor(task: Task, again: Again): Run<Published> {
    let { version } = task
    return {
      name: runNameOf(task),
      image: task.containerImage,
      folder: '/task',
      logStart: task.logStart,

      async prepare(say) {
        const prepared = await prepare(task, say)
        version = prepared.version
        return prepared
      },

      started: async ({ id, logStart }) =>
        void (await db.write((change) => set(change, task, { containerId: id, logStart, version }))),

      async collect(read) {
        const application = await publishing.applicationOf(task)
        if (!application) return nothing
        const atMost = { files: outputsAtMost, all: outputAtMost }
        const outputs = await takeOutputs(await read('/task/output'), { blobs, limitOf, atMost })
        try {
          return publishing.publishable(application, version ?? '', outputs)
        } catch (error) {
          await discardOutputs(outputs)
          throw error
        }
      },

      ended: (end) => store(task, version, { end, again })
    }
  }

  return {
    /** Inside a change: records that a task has another status. */
    tell,

    /** Performs the run of a task that was started, when its turn comes, and resolves when it is over; `again` is called, in the transaction that stores that, where a release has come out meanwhile. */
    perform({ id, run }: TaskRow, again: Again) {
      return containers.runs.perform(runNameOf({ id, run }), slots, async () => {
        const task = await records.byId(id)
        return task?.run === run && task.status === 'Running' ? runFor(task, again) : undefined
      })
    }
  }
}

function namedApart(contents: Content[]): Content[] {
  const names = distinctNames(
    contents.map(({ name }) => safeName(name)),
    ['output']
  )
  return contents.map((content, i) => ({ ...content, name: names[i] ?? content.name }))
}

async function* bytesOf(part: Awaited<ReturnType<Blobs['part']>>) {
  yield* new Response(part).body ?? []
}
