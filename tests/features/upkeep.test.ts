import { describe, expect, test } from 'bun:test'
import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { databaseName } from '../support/databases.ts'
import { mailspringAssets, watch, watchingHub } from '../support/github.ts'
import { deploy, testDevice, testHub } from '../support/hub.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

async function blobsIn(folder: string) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name, parentPath }) => join(parentPath, name))
}

describe(`upkeep on ${databaseName}`, () => {
  test('removes log lines and notices older than LOG_RETENTION, and keeps the others', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using hub = await testHub({ env: { LOG_RETENTION: '30d' }, clock: { now: () => now } })
    const ada = await hub.user('ada')
    const { secret } = await testDevice(ada, 'lamp')
    const beat = (line: string) => hub.call(`PUT /devices/${secret}/heartbeat?status=ready`, undefined, { raw: line })
    const old = Array.from({ length: 1000 }, (_, n) => `old ${n}`).join('\n')
    for (let n = 0; n < 2; n++) await beat(old)
    await beat('the last of the old')
    now = new Date('2026-12-15T12:00:00Z')
    await beat('new')
    now = new Date('2026-12-21T12:00:00Z')
    expect(await hub.hub.upkeep.round()).toMatchObject({ lines: 2001 })
    expect((await ada.call('GET /ada/devices/lamp/log')).body).toMatchObject({ log: [{ line: 'new' }] })
    expect(await hub.hub.notices.oldest()).toBe(await hub.hub.notices.latest())
  })

  test('removes bytes that nothing refers to, after a while', async () => {
    await using hub = await testHub()
    const ada = await hub.user('ada')
    await testDevice(ada, 'lamp', { app: 'blinker' })
    await ada.call('POST /ada/apps', { app_name: 'alarm' })
    await deploy(ada, 'blinker', bytes('kept'))
    await deploy(ada, 'alarm', bytes('dropped'))
    await deploy(ada, 'alarm', bytes('dropped a moment ago'))
    await ada.call('DELETE /ada/apps/alarm')
    const folder = join(hub.dataDir, 'blobs')
    const longAgo = new Date(Date.now() - 2 * 60 * 60_000)
    for (const path of await blobsIn(folder))
      if ((await Bun.file(path).text()) !== 'dropped a moment ago') await utimes(path, longAgo, longAgo)
    expect(await hub.hub.upkeep.round()).toMatchObject({ blobs: 1 })
    const left = await Promise.all((await blobsIn(folder)).map((path) => Bun.file(path).text()))
    expect(left.toSorted()).toEqual(['dropped a moment ago', 'kept'])
  })

  test('removes files that no task has after a week, and those of tasks when they are gone', async () => {
    let now = new Date('2026-11-20T12:00:00Z')
    await using hub = await watchingHub({ clock: { now: () => now } })
    const ada = await hub.user('ada')
    const repo = await watch(ada)
    const form = new FormData()
    for (const name of ['used.txt', 'unused.txt']) form.append('additionalFiles', new Blob([name]), name)
    const { files } = (await ada.call('POST /files', undefined, { raw: form })).body as { files: { id: string }[] }
    const task = { repo, releaseAsset: mailspringAssets[0], runCommand: 'true', containerImage: 'any' }
    const { id } = (await ada.call('POST /tasks', { ...task, additionalFiles: [files[0]?.id] })).body as { id: string }
    expect(await hub.hub.upkeep.round()).toMatchObject({ files: 0 })
    now = new Date('2026-11-27T12:00:01Z')
    expect(await hub.hub.upkeep.round()).toMatchObject({ files: 1 })
    expect((await ada.call(`GET /tasks/${id}/status`)).body).toMatchObject({ additionalFiles: [{ name: 'used.txt' }] })
    await ada.call(`DELETE /tasks/${id}`)
    expect(await hub.hub.upkeep.round()).toMatchObject({ files: 1 })
  })
})
