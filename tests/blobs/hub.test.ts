import { describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { hasEngine, startEngine } from '../support/engine.ts'
import { deploy, testDevice, testHub } from '../support/hub.ts'
import { until } from '../support/mqtt.ts'
import { buildOf, publish, testApplication } from '../support/releases.ts'
import { freshBucket, hasS3, s3Env, wayToS3 } from '../support/s3.ts'
import { exchange } from '../support/sockets.ts'
import { logOf, statusOf, taskStage } from '../support/tasks.ts'

const MiB = 1024 * 1024
const program = randomBytes(12 * MiB) // more than is kept in memory
const image = Buffer.from('firmware')
const away = 'The store of bytes does not answer'

/** A hub that keeps its bytes on S3, over a way that can be made worse; a device, a deployment and a build. */
async function hubOnS3() {
  const bucket = await freshBucket()
  const way = await wayToS3(bucket.settings.endpoint)
  const hub = await testHub({ env: s3Env({ ...bucket.settings, endpoint: way.endpoint }) })
  const ada = await hub.user('ada')
  const lamp = await testDevice(ada, 'lamp', { app: 'blinker' })
  await deploy(ada, 'blinker', image)
  const appId = await testApplication(ada)
  const { url } = buildOf(await publish(ada, appId, { version: '1.0.0' }, program))
  return {
    hub,
    ada,
    way,
    bucket,
    appId,
    imagePath: `/devices/${lamp.secret}/image`,
    heartbeat: () => hub.call(`PUT /devices/${lamp.secret}/heartbeat?status=ready`),
    programPath: new URL(url).pathname,
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]()
      await way[Symbol.asyncDispose]()
    }
  }
}

const bytesOf = async (response: Response) => Buffer.from(await response.bytes())

describe.skipIf(!hasS3())('a hub that keeps its bytes on S3', () => {
  test('gives them out whole and in part, from the bucket and from memory', async () => {
    await using t = await hubOnS3()
    for (let asked = 0; asked < 2; asked++) {
      expect((await bytesOf(await t.hub.send(`GET ${t.imagePath}`))).equals(image)).toBe(true)
      expect((await bytesOf(await t.hub.send(`GET ${t.programPath}`))).equals(program)).toBe(true)
    }
    const headers = { range: `bytes=${5 * MiB}-${5 * MiB + 999}` }
    const part = await t.hub.send(`GET ${t.programPath}`, undefined, { headers })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${5 * MiB}-${5 * MiB + 999}/${12 * MiB}`])
    expect((await bytesOf(part)).equals(program.subarray(5 * MiB, 5 * MiB + 1000))).toBe(true)
    expect((await t.hub.send(`HEAD ${t.programPath}`)).headers.get('content-length')).toBe(String(program.length))
    const keys = (await t.bucket.client.list({ prefix: 'blobs/' })).contents ?? []
    expect(new Set(keys.map(({ size }) => size))).toEqual(new Set([program.length, image.length]))
    expect(await t.hub.call('GET /health')).toEqual({ status: 200, body: {} })
  })

  test('says 503 in the words of each document while S3 is away, goes on with all else, and is well by itself when S3 is', async () => {
    await using t = await hubOnS3()
    await t.hub.send(`GET ${t.imagePath}`)
    t.way.become('refusing')
    expect(await deploy(t.ada, 'blinker', Buffer.from('newer'))).toEqual({ status: 503, body: { error: away, reasons: [] } })
    expect(await publish(t.ada, t.appId, { version: '1.1.0' })).toEqual({ status: 503, body: { message: away } })
    expect(await t.hub.call(`GET ${t.programPath}`)).toEqual({ status: 503, body: { message: away } })
    expect(await t.hub.call('GET /health')).toEqual({ status: 503, body: { message: away } })
    expect((await t.hub.send(`GET ${t.programPath}`)).headers.get('retry-after')).toBe('2')
    expect(await t.heartbeat()).toEqual({ status: 200, body: '1' })
    expect((await bytesOf(await t.hub.send(`GET ${t.imagePath}`))).equals(image)).toBe(true) // from memory
    t.way.become('open')
    expect(await t.hub.call('GET /health')).toEqual({ status: 200, body: {} })
    expect((await bytesOf(await t.hub.send(`GET ${t.programPath}`))).equals(program)).toBe(true)
    expect((await publish(t.ada, t.appId, { version: '1.1.0' })).status).toBe(201)
    expect((await deploy(t.ada, 'blinker', Buffer.from('newer'))).status).toBe(200)
  })

  test.skipIf(!hasEngine())(
    'ends a task that ended while S3 was away, once S3 is back',
    async () => {
      await using engine = await startEngine()
      const bucket = await freshBucket()
      await using way = await wayToS3(bucket.settings.endpoint)
      await using t = await taskStage(engine, { env: s3Env({ ...bucket.settings, endpoint: way.endpoint }) })
      const id = await t.addTask('echo begun; sleep 1; echo done')
      await t.ada.call(`POST /tasks/${id}`)
      await until(async () => (await logOf(t.ada, id)).includes('begun'), 'the task', 60_000)
      way.become('refusing')
      await until(() => t.hub.logged().includes('S3 has failed'), 'S3 to be missed', 60_000)
      expect(await statusOf(t.ada, id)).toMatchObject({ status: 'Running' })
      way.become('open')
      expect(await t.over(id)).toMatchObject({ status: 'Succeeded', log: 'begun\ndone\n' })
    },
    120_000
  )

  test('cuts the connection where S3 breaks off in the middle: what came is not taken for the whole', async () => {
    await using t = await hubOnS3()
    t.way.become({ cutAfter: 6 * MiB })
    for (const version of ['1.1', '1.0']) {
      const request = `GET ${t.programPath} HTTP/${version}\r\nHost: hub.test\r\n\r\n`
      const ended = await exchange(t.hub.ports.http, request).then(
        () => 'ended',
        ({ code }) => code
      )
      expect([version, ended]).toEqual([version, 'ECONNRESET'])
    }
    expect(
      await t.hub
        .send(`GET ${t.programPath}`)
        .then(bytesOf)
        .catch(() => 'broken')
    ).toBe('broken')
  })
})
