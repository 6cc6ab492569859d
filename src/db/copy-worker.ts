import { Database } from 'bun:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

/** What the worker is to copy, and where to. */
export type CopyTask = { from: string; to: string }

const { from, to } = workerData as CopyTask
using database = new Database(from, { readonly: true })
database.run('PRAGMA busy_timeout = 5000')
database.run('VACUUM INTO ?', [to])
parentPort?.postMessage('copied', [])
