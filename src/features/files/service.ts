import { and, asc, eq, inArray, lt, notExists } from 'drizzle-orm'
import type { StagedBlob } from '../../blobs/store.ts'
import type { Db } from '../../db/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { invalid } from '../../lib/errors.ts'
import { newHexId } from '../../lib/secrets.ts'
import { safeName } from '../containers/names.ts'

/** A file as it was sent. */
export type NewFile = { name: string; mimeType: string; extract: boolean; bytes: StagedBlob }

/** A file that a user has stored, to be put into containers. */
export type StoredFile = { id: string; name: string; mimeType: string; extract: boolean; sha256: string; size: number }

export type Files = ReturnType<typeof createFiles>

/** How long a file stays that no task has, in ms. */
export const fileGrace = 7 * 24 * 60 * 60_000

/** What users bring along for their tasks. */
export function createFiles({ db, clock }: { db: Db; clock: Clock }) {
  const { files, taskFiles } = db.tables
  const { id, name, mimeType, extract, sha256, size } = files
  const columns = { id, name, mimeType, extract, sha256, size }

  return {
    /** Stores files under names that are safe anywhere; gives them in the same order. */
    async add(userId: string, given: NewFile[]): Promise<StoredFile[]> {
      for (const { bytes } of given) await bytes.keep()
      const rows = given.map(({ bytes, ...file }) => ({
        id: newHexId(),
        name: safeName(file.name),
        mimeType: /^[\w.+-]+\/[\w.+-]+$/.test(file.mimeType) ? file.mimeType.slice(0, 100) : 'application/octet-stream',
        extract: file.extract,
        sha256: bytes.sha256,
        size: bytes.size
      }))
      const createdAt = clock.now()
      if (rows.length > 0) await db.write(({ tx }) => tx.insert(files).values(rows.map((row) => ({ ...row, userId, createdAt }))))
      return rows
    },

    /** The ids of a user's files, as they were given. Throws `invalid` for one that the user does not have. */
    async ofUser(userId: string, ids: string[]) {
      if (ids.length === 0) return []
      const rows = await db.read
        .select({ id: files.id })
        .from(files)
        .where(and(eq(files.userId, userId), inArray(files.id, ids)))
      const known = new Set(rows.map((row) => row.id))
      if (ids.some((each) => !known.has(each))) throw invalid('Additional file not found')
      return ids
    },

    /** Removes up to `limit` files from before a time that no task has; gives how many went. */
    async removeUnused(before: Date, limit: number) {
      const ofNoTask = notExists(db.read.select({ id: taskFiles.fileId }).from(taskFiles).where(eq(taskFiles.fileId, files.id)))
      const unused = and(lt(files.createdAt, before), ofNoTask)
      const found = await db.read.select({ id: files.id }).from(files).where(unused).limit(limit)
      if (found.length === 0) return 0
      const ids = found.map((row) => row.id)
      await db.write(({ tx }) => tx.delete(files).where(and(inArray(files.id, ids), ofNoTask)))
      return found.length
    },

    /** The files of tasks, in the order in which they were given. */
    async ofTasks(taskIds: string[]) {
      const found = new Map<string, StoredFile[]>(taskIds.map((taskId) => [taskId, []]))
      if (taskIds.length === 0) return found
      const rows = await db.read
        .select({ taskId: taskFiles.taskId, ...columns })
        .from(taskFiles)
        .innerJoin(files, eq(files.id, taskFiles.fileId))
        .where(inArray(taskFiles.taskId, taskIds))
        .orderBy(asc(taskFiles.taskId), asc(taskFiles.place))
      for (const { taskId, ...file } of rows) found.get(taskId)?.push(file)
      return found
    }
  }
}
