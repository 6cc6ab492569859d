import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDiskStore } from '../../src/blobs/disk.ts'
import { testDevice, testHub } from '../support/hub.ts'
import { until } from '../support/mqtt.ts'
import { wholeLog } from '../support/speaker.ts'

/** A disk of a few megabytes; undefined where this may not be made here. */
async function smallDisk(megabytes: number) {
  const folder = await mkdtemp(join(tmpdir(), 'updraft-disk-'))
  const mount = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stderr: 'ignore' })
  const [undo, isThere] = mount.exitCode === 0 ? [() => Bun.spawnSync(['umount', '-l', folder]), true] : [() => {}, false]
  return {
    folder,
    isThere,
    async [Symbol.asyncDispose]() {
      undo()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

describe('a disk for bytes that is full', () => {
  test('is what health says, also where rows are elsewhere, and is taken from again once there is room', async () => {
    await using disk = await smallDisk(2)
    if (!disk.isThere) return console.warn('left out: a full disk; it takes root and the right to mount a tmpfs')
    const store = createDiskStore(disk.folder)
    await store.check()
    const ballast = join(disk.folder, 'ballast')
    await writeFile(ballast, Buffer.alloc(1.5 * 1024 * 1024))
    const complaint = await store.check().catch((error: Error) => error.message)
    expect(complaint).toBe('There is no room left to store anything')
    await rm(ballast)
    await store.check()
  })
})

describe('SQLite on a disk that is full', () => {
  test('503 and nothing acknowledged that is not stored; when there is room again it goes on by itself', async () => {
    await using disk = await smallDisk(32)
    if (!disk.isThere) return console.warn('left out: a full disk; it takes root and the right to mount a tmpfs')
    const ballast = join(disk.folder, 'ballast')
    await writeFile(ballast, Buffer.alloc(16 * 1024 * 1024))
    await using hub = await testHub({ env: { DATA_DIR: join(disk.folder, 'data'), DATABASE_URL: '', LOG_LEVEL: 'info' } })
    const ada = await hub.user('ada')
    const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
    const acknowledged: string[] = []
    const say = async (line: string) => {
      const answer = await hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=running`, undefined, { raw: line })
      if (answer.status === 200) acknowledged.push(line)
      return answer
    }
    const filling = (n: number) => say(`line ${n} ${'x'.repeat(4000)}`)
    let n = 0
    await until(async () => (await filling(n++)).status !== 200, 'the disk to be full', 20_000)
    expect(await filling(n++)).toEqual({
      status: 503,
      body: { error: 'There is no room left to store anything', reasons: [] }
    })
    expect(await hub.call('GET /health')).toEqual({
      status: 503,
      body: { message: 'There is no room left to store anything' }
    })
    expect((await ada.call('GET /ada/devices')).status).toBe(503) // what was taken in has no place yet
    await rm(ballast)
    await until(async () => (await filling(n++)).status === 200, 'room')
    await until(async () => (await hub.call('GET /health')).status === 200, 'the hub to be well again')
    const stored = await wholeLog({ base: hub.base, token: ada.token, path: '/ada/devices/lamp' })
    expect(stored).toEqual(acknowledged)
    expect(hub.logged()).not.toMatch(/unexpected|unhandled/)
  }, 60_000)
})
