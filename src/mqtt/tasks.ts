import type { Client } from 'aedes'
import type { Notice } from '../features/notices/kinds.ts'
import type { Spoken } from '../features/tasks/service.ts'
import type { Hub } from '../hub.ts'
import type { Connections } from './connections.ts'
import { createFreshness } from './freshness.ts'
import type { News, Occasion } from './news.ts'
import type { Outbox, Told } from './outbox.ts'
import { principalOf } from './principals.ts'
import type { Sessions } from './sessions.ts'
import { covers, topics } from './topics.ts'

const pieceBytes = 16 * 1024

type Needs = { hub: Hub; connections: Connections; outbox: Outbox; sessions: Sessions; news: News }
type Standing = { id: string; status: string }
type Listener = { client: Client; occasion: Occasion; notice?: Told }

const anyTask = [topics.taskStatus.of({ id: ' ' }), topics.taskLogs.of({ id: ' ' })] // no task is called so: only `+` and `#` cover it

/** Whether a filter is of topics of tasks. */
export const isOfTasks = (filter: string) => filter.startsWith('tasks/')

/** Whether a user may subscribe to a filter: one that covers whichever tasks are theirs, now or later, or one of theirs. */
export async function mayHearTasks(hub: Hub, userId: string, filter: string) {
  if (anyTask.some((topic) => covers(filter, topic))) return true
  const [, id = ''] = filter.split('/')
  return hub.tasks.ofUser(userId, id).then(
    () => topicsOf(id).some((topic) => covers(filter, topic)),
    () => false
  )
}

const topicsOf = (id: string) => [topics.taskStatus.of({ id }), topics.taskLogs.of({ id })]

/** Tasks, told to their owners: how they stand, a view of the database, and what they write, as it comes. */
export function createTaskTopics({ hub, connections, outbox, sessions, news }: Needs) {
  const freshness = createFreshness()

  function tellOf({ id, status }: Standing, { client, occasion, notice }: Listener) {
    const topic = topics.taskStatus.of({ id })
    if (!outbox.wants(client, topic) || !news.isNews(client, topic, { id: status, occasion })) return
    const payload = Buffer.from(JSON.stringify({ id, status }))
    outbox.deliver(client, { topic, payload, qos: 1, retain: occasion === 'retained', replaceable: true, notice })
  }

  /** Says that there is nothing any more on the topic of a task that was deleted. */
  function tellEnd(userId: string, id: string) {
    const topic = topics.taskStatus.of({ id })
    sessions.forget({ kind: 'user', id: userId }, (message) => message.topic === topic)
    for (const client of connections.ofUser(userId)) {
      if (!news.isNews(client, topic, { id: undefined, occasion: 'live' })) continue
      outbox.deliver(client, { topic, payload: Buffer.alloc(0), qos: 1, retain: false, replaceable: true })
    }
  }

  return {
    /** Tells a client how the tasks stand that its filters cover. */
    async greet(client: Client, filters: string[], occasion: Occasion) {
      const principal = principalOf(client)
      const wanted = filters.filter(isOfTasks)
      if (principal?.kind !== 'user' || wanted.length === 0) return
      await freshness.use(
        () => hub.tasks.list(principal.id),
        (all) => {
          const covered = all.filter(({ id }) => wanted.some((filter) => covers(filter, topics.taskStatus.of({ id }))))
          for (const task of covered) tellOf(task, { client, occasion })
        }
      )
    },

    /** Tells of a change to the owner of the task. */
    async tell(notice: Notice) {
      if (notice.type !== 'task.status' && notice.type !== 'task.deleted') return
      freshness.changed()
      const userId = notice.userId ?? ''
      if (notice.type === 'task.deleted') return tellEnd(userId, notice.data.task)
      const { task: id, status } = notice.data
      const how = { occasion: 'live', notice: { on: 'task-status', at: notice.at } } as const
      for (const client of connections.ofUser(userId)) tellOf({ id, status }, { client, ...how })
    },

    /** Passes on what a task writes. Whoever cannot take it at that pace misses some, and reads it over HTTP. */
    pass({ task, userId, bytes }: Spoken) {
      const topic = topics.taskLogs.of({ id: task })
      for (const client of connections.ofUser(userId)) {
        for (let at = 0; at < bytes.byteLength && !client.conn.writableNeedDrain; at += pieceBytes) {
          const payload = Buffer.from(bytes.subarray(at, at + pieceBytes))
          outbox.deliver(client, { topic, payload, qos: 0, retain: false, replaceable: false })
        }
      }
    }
  }
}
