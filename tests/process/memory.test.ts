import { describe, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { playGithub } from '../../scripts/demo/github.ts'
import { password } from '../support/hub.ts'
import { type HubProcess, hubHome } from '../support/process.ts'
import { buildForm, linux } from '../support/releases.ts'
import { freshBucket, hasS3, s3Env } from '../support/s3.ts'

const size = 512 * 1024 * 1024
const atMost = 96 * 1024 * 1024
const chunk = new Uint8Array(64 * 1024).fill(7)

function* chunks(before = '', after = '') {
  const encoder = new TextEncoder()
  yield encoder.encode(before)
  for (let sent = 0; sent < size; sent += chunk.byteLength) yield chunk
  yield encoder.encode(after)
}

function stream(source = chunks()) {
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = source.next()
      if (done) controller.close()
      else controller.enqueue(value)
    }
  })
}

/** A form with that many bytes as its file, as it goes over the wire. */
async function formStream() {
  const form = new Response(buildForm({}, new TextEncoder().encode('\0')))
  const headers = { 'content-type': form.headers.get('content-type') ?? '' }
  const [before = '', after = ''] = (await form.text()).split('\0')
  return { body: stream(chunks(before, after)), headers }
}

/** The most memory that a process has had resident, in bytes. */
async function peak(pid: number) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(status.match(/VmHWM:\s+(\d+) kB/)?.[1]) * 1024
}

async function signIn(hub: HubProcess) {
  const { body } = await hub.call('POST /login', { body: JSON.stringify({ email: 'root@example.org', password }) })
  return { access_token: (body as { access_token: string }).access_token }
}

async function sizeOf(url: string) {
  let received = 0
  for await (const part of (await fetch(url)).body ?? []) received += part.byteLength
  return received
}

/** Runs on a hub of its own; fails where that takes too much memory. */
async function withinMemory(
  env: Record<string, string>,
  work: (hub: HubProcess, headers: Record<string, string>) => Promise<void>,
  most = atMost
) {
  await using home = await hubHome(env)
  const hub = await home.start()
  const headers = await signIn(hub)
  const before = await peak(hub.child.pid)
  await work(hub, headers)
  expect((await peak(hub.child.pid)) - before).toBeLessThan(most)
  hub.child.kill('SIGTERM')
  expect(await hub.child.exited).toBe(0)
}

describe.skipIf(process.platform !== 'linux')('half a GiB goes up and down with less than 96 MiB of memory', () => {
  test('as an image', async () => {
    await withinMemory({ IMAGE_MAX_BYTES: '1GiB' }, async (hub, headers) => {
      const registered = await hub.call('POST /admin/devices?device_name=lamp&board=esp8266', { headers })
      await hub.call('POST /admin/apps?app_name=blinker', { headers })
      await hub.call('POST /admin/apps/blinker/devices?device_name=lamp', { headers })
      const upload = { body: stream(), headers: { ...headers, 'content-type': 'application/octet-stream' } }
      expect((await hub.call('POST /admin/apps/blinker/deployments?board=esp8266', upload)).status).toBe(200)
      const { device_secret: secret } = registered.body as { device_secret: string }
      expect(await sizeOf(`${hub.base}/devices/${secret}/image`)).toBe(size)
    })
  }, 120_000)

  test.skipIf(!hasS3())(
    'as a build that is kept on S3',
    async () => {
      const { settings } = await freshBucket()
      await withinMemory(s3Env(settings), async (hub, headers) => {
        const { body } = await hub.call('POST /applications?name=blinker', { headers })
        const path = `/applications/${(body as { id: string }).id}/builds?version=0.9.0&architecture=${linux}`
        const upload = { body: stream(), headers: { ...headers, 'content-type': 'application/octet-stream' } }
        const published = await hub.call(`POST ${path}`, upload)
        expect(published).toMatchObject({ status: 201, body: { size } })
        const { url } = published.body as { url: string }
        expect(await sizeOf(url)).toBe(size)
        const slow = (await fetch(url)).body?.getReader() // what it does not take stays where it is
        await slow?.read()
        expect(await sizeOf(url)).toBe(size)
        await slow?.cancel()
      })
    },
    240_000
  )

  test.each(['bare', 'as a form'])(
    'as a build, %s',
    async (kind) => {
      await withinMemory({}, async (hub, headers) => {
        const { body } = await hub.call('POST /applications?name=blinker', { headers })
        const path = `/applications/${(body as { id: string }).id}/builds`
        const bare = { body: stream(), headers: { ...headers, 'content-type': 'application/octet-stream' } }
        const form = await formStream()
        const { status, body: build } =
          kind === 'bare'
            ? await hub.call(`POST ${path}?version=0.9.0&architecture=${linux}`, bare)
            : await hub.call(`POST ${path}`, { ...form, headers: { ...headers, ...form.headers } })
        expect({ status, build }).toMatchObject({ status: 201, build: { size } })
        expect(await sizeOf((build as { url: string }).url)).toBe(size)
      })
    },
    240_000
  )
})

test.skipIf(process.platform !== 'linux')(
  '500 tasks of a repo with 1,000 assets are listed to six at once with less than half a GiB of memory',
  async () => {
    await using github = playGithub()
    const assets = Array.from({ length: 1000 }, (_, n) => ({ name: `asset-${n}`.padEnd(150, 'x'), bytes: new Uint8Array(1) }))
    github.publish('acme/tool', '1', assets)
    const list = async (hub: HubProcess, headers: Record<string, string>) => {
      let received = 0
      for await (const part of (await fetch(`${hub.base}/tasks`, { headers })).body ?? []) received += part.byteLength
      return received
    }
    const work = async (hub: HubProcess, headers: Record<string, string>) => {
      const watched = await hub.call('POST /repos?name=tool&ownerName=acme', { headers })
      const { id: repo } = watched.body as { id: string }
      const task = JSON.stringify({ repo, releaseAsset: 'x', runCommand: 'x', containerImage: 'x' })
      for (let n = 0; n < 500; n++) await hub.call('POST /tasks', { headers, body: task })
      const sizes = await Promise.all(Array.from({ length: 6 }, () => list(hub, headers)))
      expect(Math.min(...sizes)).toBeGreaterThan(150 * 1024 * 1024)
    }
    await withinMemory({ GITHUB_API_URL: github.url }, work, 512 * 1024 * 1024)
  },
  60_000
)
