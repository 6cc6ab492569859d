import type { Columns } from '../columns.ts'
import type { Applications } from './applications.ts'
import type { People } from './people.ts'

/** What users run over the releases that they watch. */
export function defineTasks(
  { table, text, choice, int, long, bool, time, index, primaryKey }: Columns,
  { users, applications }: People & Applications
) {
  const files = table(
    'files',
    {
      id: text().primaryKey(),
      userId: text()
        .notNull()
        .references(() => users.id, { onDelete: 'cascade' }),
      name: text().notNull(),
      mimeType: text().notNull(),
      /** Whether it is unpacked where a task has it. */
      extract: bool().notNull(),
      sha256: text().notNull(),
      size: long().notNull(),
      createdAt: time().notNull()
    },
    (t) => [index('files_user').on(t.userId), index('files_bytes').on(t.sha256)]
  )

  /** The repo is no reference: it goes with its last watcher, and a task stays until its owner deletes it. */
  const tasks = table(
    'tasks',
    {
      id: text().primaryKey(),
      userId: text()
        .notNull()
        .references(() => users.id, { onDelete: 'cascade' }),
      repoId: text().notNull(),
      repoOwner: text().notNull(),
      repoName: text().notNull(),
      releaseAsset: text().notNull(),
      /** The release whose assets `releaseAsset` was chosen from: in later ones its name has another version. */
      madeFor: text().notNull(),
      runCommand: text().notNull(),
      containerImage: text().notNull(),
      onRelease: bool().notNull(),
      publishTo: text().references(() => applications.id, { onDelete: 'set null' }),
      status: choice('Created', 'Running', 'Succeeded', 'Failed').notNull(),
      /** How often it was started. */
      run: int().notNull(),
      /** The hub that it runs at, where there are several over one database. */
      node: text(),
      /** A release has come out while it ran: it is to run again. */
      again: bool().notNull(),
      /** Of the last run: the release that it is of, its container, and where the container's output begins in the log. */
      version: text(),
      containerId: text(),
      logStart: long(),
      /** The log of the last run, once it is complete. */
      logSha256: text(),
      logSize: long(),
      failure: text(),
      createdAt: time().notNull()
    },
    (t) => [
      index('tasks_user').on(t.userId, t.id),
      index('tasks_repo').on(t.repoId),
      index('tasks_status').on(t.status),
      index('tasks_log').on(t.logSha256),
      index('tasks_publish_to').on(t.publishTo)
    ]
  )

  /** The files that a task has beside the asset, in the order in which they were given. */
  const taskFiles = table(
    'task_files',
    {
      taskId: text()
        .notNull()
        .references(() => tasks.id, { onDelete: 'cascade' }),
      fileId: text()
        .notNull()
        .references(() => files.id, { onDelete: 'cascade' }),
      place: int().notNull()
    },
    (t) => [primaryKey({ columns: [t.taskId, t.place] }), index('task_files_file').on(t.fileId)]
  )

  /** Logs of runs under way, of tasks and builds, for those who read them at another hub: pieces as Base64. */
  const runLogs = table(
    'run_logs',
    {
      run: text().notNull(),
      start: long().notNull(),
      size: int().notNull(),
      bytes: text().notNull(),
      at: time().notNull()
    },
    (t) => [primaryKey({ columns: [t.run, t.start] }), index('run_logs_at').on(t.at)]
  )

  return { files, tasks, taskFiles, runLogs }
}

export type Tasks = ReturnType<typeof defineTasks>
