import type { WatchedRepo } from '../../features/repos/watch-lists.ts'
import type { TaskOfRepo } from '../../features/tasks/records.ts'
import { streamOf } from '../../lib/streams.ts'
import { repoOf } from './model.ts'
import { taskOf } from './model-tasks.ts'

const pageBytes = 64 * 1024

/** Tasks as `GET /tasks` answers them, written as they are read: each has its whole repo, of up to 1,000 assets, with it. */
export const taskList = (tasks: TaskOfRepo[]) =>
  new Response(streamOf(pages(tasks)), { headers: { 'content-type': 'application/json;charset=utf-8' } })

async function* pages(tasks: TaskOfRepo[]) {
  const encoder = new TextEncoder()
  let text = '['
  let isFirst = true
  for (const one of written(tasks)) {
    text += isFirst ? one : `,${one}`
    isFirst = false
    if (text.length < pageBytes) continue
    yield encoder.encode(text)
    text = ''
  }
  yield encoder.encode(`${text}]`)
}

/** What tasks have of one repo is written out once. */
function* written(tasks: TaskOfRepo[]) {
  const repos = new Map<WatchedRepo, string>()
  for (const task of tasks) {
    const repo = repos.get(task.repo) ?? JSON.stringify(repoOf(task.repo))
    repos.set(task.repo, repo)
    const { _id, ...rest } = taskOf(task)
    yield `{"_id":"${_id}","repo":${repo},${JSON.stringify(rest).slice(1)}`
  }
}
