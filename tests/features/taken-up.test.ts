import { describe, expect, test } from 'bun:test'
import { playGithub } from '../../scripts/demo/github.ts'
import { databaseName } from '../support/databases.ts'
import { busybox, hasEngine, startEngine, type TestEngine } from '../support/engine.ts'
import { bytes } from '../support/github.ts'
import { password } from '../support/hub.ts'
import { until } from '../support/mqtt.ts'
import { type HubProcess, hubHome } from '../support/process.ts'

const longest = 120_000
const lines = Array.from({ length: 40 }, (_, i) => `line ${i + 1}\n`).join('')

const json = (body: object) => JSON.stringify(body)

async function signIn(hub: HubProcess) {
  const { body } = await hub.call('POST /login', { body: json({ email: 'root@example.org', password }) })
  return { access_token: (body as { access_token: string }).access_token }
}

/** Makes a task of each command and starts it; gives their ids. */
async function startTasks(hub: HubProcess, commands: string[]) {
  const headers = await signIn(hub)
  const watched = await hub.call('POST /repos', { headers, body: json({ name: 'tool', ownerName: 'acme' }) })
  const { id: repo } = watched.body as { id: string }
  const ids: string[] = []
  for (const runCommand of commands) {
    const task = { repo, releaseAsset: 'tool.bin', runCommand, containerImage: busybox }
    const { body } = await hub.call('POST /tasks', { headers, body: json(task) })
    ids.push((body as { id: string }).id)
  }
  for (const id of ids) await hub.call(`POST /tasks/${id}`, { headers })
  return { ids, headers }
}

async function killed(hub: HubProcess) {
  hub.child.kill('SIGKILL')
  await hub.child.exited
}

/** How many of the containers are in a state. */
const inState = async ({ docker }: TestEngine, state: string) =>
  (await docker.listContainers({ all: true })).filter(({ State }) => State === state).length

describe.skipIf(!hasEngine())(`a hub on ${databaseName} killed while tasks run`, () => {
  test(
    'takes up all of them where they are: right status, complete log, no container left over',
    async () => {
      await using engine = await startEngine()
      await using github = playGithub()
      github.publish('acme/tool', '1.0.0', [{ name: 'tool.bin', bytes: bytes('tool') }])
      await using home = await hubHome({ DOCKER_HOST: engine.host, GITHUB_API_URL: github.url, TASK_CONCURRENCY: '3' })
      const first = await home.start()
      const { ids, headers } = await startTasks(first, [
        'i=1; while [ $i -le 40 ]; do echo line $i; i=$((i+1)); sleep 0.2; done',
        'echo before; sleep 4; echo after; exit 3',
        'echo before; sleep 4; echo after',
        'echo waited' // there is no room for it yet
      ])
      const log = async (hub: HubProcess, id = '') =>
        (await hub.call(`GET /tasks/${id}/logs?follow=false`, { headers })).body as string
      const begun = async (id: string) => /line 2|before/.test(await log(first, id))
      await until(async () => (await Promise.all(ids.slice(0, 3).map(begun))).every(Boolean), 'three tasks to run', 20_000)
      await killed(first)
      await until(async () => (await inState(engine, 'exited')) >= 2, 'two containers to end meanwhile', 20_000)

      const second = await home.start()
      const status = async (id: string) => (await second.call(`GET /tasks/${id}/status`, { headers })).body as { status: string }
      const settled = async () => (await Promise.all(ids.map(status))).every((task) => task.status !== 'Running')
      await until(settled, 'all tasks to end', 60_000)
      expect(await Promise.all(ids.map(async (id) => [(await status(id)).status, await log(second, id)]))).toEqual([
        ['Succeeded', lines],
        ['Failed', 'before\nafter\nFailed: The command exited with status 3\n'],
        ['Succeeded', 'before\nafter\n'],
        ['Succeeded', 'waited\n']
      ])
      await engine.empty()
      await killed(second)
    },
    longest
  )

  test(
    'removes the containers of tasks that were deleted, and leaves those of others alone',
    async () => {
      await using engine = await startEngine()
      await using github = playGithub()
      github.publish('acme/tool', '1.0.0', [{ name: 'tool.bin', bytes: bytes('tool') }])
      await using home = await hubHome({ DOCKER_HOST: engine.host, GITHUB_API_URL: github.url })
      const foreign = ['create', '--label', 'updraft.hub=another', '--label', 'updraft.run=task-x', busybox, 'true']
      await engine.run(foreign)
      const first = await home.start()
      const { ids, headers } = await startTasks(first, ['echo up; sleep 1000'])
      await until(async () => (await inState(engine, 'running')) === 1, 'the container', 20_000)
      await killed(first)
      // What was deleted by a hub that died before it could remove the container.
      await engine.run([
        'create',
        '--label',
        `updraft.hub=${await Bun.file(`${home.dataDir}/hub-id`).text()}`,
        '--label',
        'updraft.run=task-y',
        busybox,
        'true'
      ])
      const second = await home.start()
      await until(async () => !(await engine.containers()).includes('task-y'), 'the orphan to go', 20_000)
      expect((await engine.containers()).toSorted()).toEqual([`task-${ids[0]}-1`, 'task-x'])
      expect((await second.call(`DELETE /tasks/${ids[0]}`, { headers })).status).toBe(200)
      expect(await engine.containers()).toEqual(['task-x'])
      await killed(second)
    },
    longest
  )
})
