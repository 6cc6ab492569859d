import { describe, expect, test } from 'bun:test'
import { zipOf } from '../../scripts/demo/zip.ts'
import { createLostWork } from '../../src/features/hubs/lost.ts'
import { createLog } from '../../src/lib/log.ts'
import { databaseName, runSql } from '../support/databases.ts'
import { failureOf } from '../support/failure.ts'
import { mailspringAssets, watch, watchingHub } from '../support/github.ts'
import { logOf, statusOf } from '../support/tasks.ts'

const minute = 60_000
const failure = 'The hub that it ran at is gone'

/** A hub whose engine is away and waited for: what is started there stays under way. */
const waitingHub = () =>
  watchingHub({
    env: { DOCKER_HOST: 'unix:///nowhere/engine.sock', BUILDER_IMAGE_ESP8266: 'localhost/builder' },
    enginePatience: 60 * minute
  })

describe(`what was under way at a hub that is gone, on ${databaseName}`, () => {
  test('fails and says so; a task that runs by itself starts anew, and what is under way here goes on', async () => {
    await using hub = await waitingHub()
    const ada = await hub.user('ada')
    const repo = await watch(ada)
    const addTask = async (more: object = {}) => {
      const task = { repo, releaseAsset: mailspringAssets[1], runCommand: 'true', containerImage: 'localhost/any', ...more }
      return ((await ada.call('POST /tasks', task)).body as { id: string }).id
    }
    const [plain, byItself, here] = [await addTask(), await addTask({ onRelease: true }), await addTask()]
    await runSql(
      hub.hub.config,
      `update tasks set status = 'Running', run = 1, node = 'gone' where id in ('${plain}', '${byItself}')`
    )
    await ada.call(`POST /tasks/${here}`)
    await ada.call('POST /ada/apps', { app_name: 'blinker' })
    const form = new FormData()
    form.set('source_file', new Blob([zipOf([{ name: 'main.c', data: Buffer.from('int x;') }])]), 'source.zip')
    const { id: build } = (await ada.call('POST /apps/blinker/builds', undefined, { raw: form })).body as { id: number }
    await runSql(hub.hub.config, `update builds set node = 'gone' where id = ${build}`)

    const { lostWork } = hub.hub
    const statuses = async () => Promise.all([plain, byItself, here].map(async (id) => (await statusOf(ada, id)).status))
    for (const now of [0, 14 * minute]) {
      await lostWork.look(now)
      expect(await statuses()).toEqual(['Running', 'Running', 'Running'])
    }
    await lostWork.look(15 * minute)
    expect(await statusOf(ada, plain)).toMatchObject({ status: 'Failed', failure })
    expect(await logOf(ada, plain)).toBe(`Failed: ${failure}\n`)
    expect(await statuses()).toEqual(['Failed', 'Running', 'Running'])
    expect(await ada.call(`GET /ada/apps/blinker/builds/${build}`)).toMatchObject({
      body: { status: 'failure', failure, log: `Failed: ${failure}\n` }
    })
    await lostWork.look(60 * minute)
    expect(await statuses()).toEqual(['Failed', 'Running', 'Running'])
  })

  test('is left alone while that hub is heard of, or it is not known who is there', async () => {
    const lost: string[] = []
    let heard: Set<string> | undefined = new Set(['one'])
    let isAway = false
    const nodes = async () => {
      if (isAway) throw new Error('away')
      return ['here', 'one', 'two']
    }
    const lose = async (node: string) => lost.push(node)
    const stage = async () => ({ sha256: '', md5: '', size: 0, path: '', keep: async () => {}, discard: async () => {} })
    const work = createLostWork({
      hubs: { nodes: () => heard },
      hubId: 'here',
      blobs: { stage },
      log: createLog('silent'),
      work: [{ nodes, lose }]
    })
    await work.look(0)
    heard = undefined
    await work.look(20 * minute)
    heard = new Set(['one'])
    await work.look(21 * minute)
    await work.look(35 * minute)
    isAway = true
    await failureOf(work.look(36 * minute))
    isAway = false
    await work.look(37 * minute)
    await work.look(51 * minute)
    expect(lost).toEqual([])
    await work.look(52 * minute)
    expect(lost).toEqual(['two'])
  })
})
