import { Database } from 'bun:sqlite'
import { Worker } from 'node:worker_threads'
import { workerModule } from '../lib/assets.ts'
import type { CopyTask } from './copy-worker.ts'
import { takenUpToIn, waitingIn } from './sqlite.ts'

const module = workerModule('db/copy-worker.ts', new URL('./copy-worker.ts', import.meta.url))
const reportEvery = 250

type Watching = { report(done: number, of: number): void; signal: AbortSignal }

/** Copies a SQLite file with what waits in its journal, as both are at this moment, into a new file, whoever writes to them meanwhile. */
export async function copySqlite(task: CopyTask, watching: Watching) {
  const waiting = await waitingIn(task.from) // first: what is taken from there meanwhile is in the copy
  await copyFile(task, watching)
  using copy = new Database(task.to)
  const takenUpTo = takenUpToIn(copy)
  const insert = copy.query('insert into log_intake (reports) values (?)')
  const notTaken = waiting.filter(({ number }) => number > takenUpTo)
  copy.transaction(() => void notTaken.map(({ text }) => insert.run(text)))()
}

/** In a thread of its own: SQLite does it in one go, and meanwhile it is to be seen how far it is, in bytes, and may be given up. */
async function copyFile(task: CopyTask, { report, signal }: Watching) {
  const of = sizeOf(task.from)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const worker = new Worker(module, { workerData: task })
  worker.once('message', () => resolve())
  worker.once('error', reject)
  const giveUp = () => reject(signal.reason as Error)
  signal.addEventListener('abort', giveUp)
  const timer = setInterval(() => report(Bun.file(task.to).size, of), reportEvery)
  try {
    await promise
  } finally {
    clearInterval(timer)
    signal.removeEventListener('abort', giveUp)
    void worker.terminate()
  }
}

/** What the copy of a file will be of: the pages that are in use. */
function sizeOf(path: string) {
  using database = new Database(path, { readonly: true })
  const number = (pragma: string) =>
    Object.values(database.query<Record<string, number>, []>(`PRAGMA ${pragma}`).get() ?? {})[0] ?? 0
  return (number('page_count') - number('freelist_count')) * number('page_size')
}
