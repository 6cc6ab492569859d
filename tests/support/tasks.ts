import { busybox, type TestEngine } from './engine.ts'
import { mailspringAssets, type Watcher, type WatchingHub, watch, watchingHub } from './github.ts'
import { within } from './mqtt.ts'

export const asset = mailspringAssets[1] ?? ''

type Options = Parameters<typeof watchingHub>[0]

/** A hub at an engine and a played GitHub, whose user `ada` watches document 001's repo. */
export async function taskStage(engine: TestEngine, { env = {}, ...options }: Options = {}) {
  const hub = await watchingHub({ ...options, env: { DOCKER_HOST: engine.host, ...env } })
  const ada = await hub.user('ada')
  const repo = await watch(ada)

  /** Makes a task of ada's; gives its id. */
  async function addTask(runCommand: string, more: object = {}) {
    const body = { repo, releaseAsset: asset, runCommand, containerImage: busybox, ...more }
    const answer = await ada.call('POST /tasks', body)
    if (answer.status !== 201) throw new Error(`no task: ${JSON.stringify(answer)}`)
    return (answer.body as { id: string }).id
  }

  return {
    hub,
    ada,
    repo,
    addTask,
    over: (id: string) => over(hub, ada, id),
    /** Makes a task, starts it, and gives it with its log once it is over. */
    async run(runCommand: string, more: object = {}) {
      const id = await addTask(runCommand, more)
      await ada.call(`POST /tasks/${id}`)
      return over(hub, ada, id)
    },
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]()
  }
}

/** A task with its log once it is over, which a notice tells. */
export async function over(hub: WatchingHub, user: Watcher, id: string, patience = 60_000) {
  const ended = Promise.withResolvers<void>()
  const stop = hub.hub.notices.listen(({ type, data }) => {
    if (type === 'task.status' && data.task === id && data.status !== 'Running') ended.resolve()
  })
  const { status } = await statusOf(user, id)
  if (status === 'Running') await within(ended.promise, 'the task to be over', patience)
  stop()
  return { id, ...(await statusOf(user, id)), log: await logOf(user, id) }
}

export const statusOf = async (user: Watcher, id: string) =>
  (await user.call(`GET /tasks/${id}/status`)).body as { status: string; failure?: string }

/** What is there of the log of a task. */
export const logOf = async (user: Watcher, id: string) => String((await user.call(`GET /tasks/${id}/logs?follow=false`)).body)
