import { join } from 'node:path'
import { password } from './hub.ts'
import type { HubProcess, hubHome } from './process.ts'

/** What a hub has acknowledged: lines of a device, and images that were deployed to it. */
type Acknowledged = { token: string; secret: string; lines: string[]; images: { id: number; sha256: string; size: number }[] }

export type Laden = Awaited<ReturnType<typeof ladenHub>>

/** Puts a hub that runs as a process under load: heartbeats with lines, one after the other on several connections, and uploads of images. */
export async function ladenHub(hub: HubProcess) {
  const { token, secret } = await prepare(hub)
  const acknowledged: Acknowledged = { token, secret, lines: [], images: [] }
  const refused: string[] = []
  const ending = new AbortController()
  let news = Promise.withResolvers<void>()

  function told() {
    news.resolve()
    news = Promise.withResolvers<void>()
  }

  async function beat(connection: number) {
    for (let n = 0; !ending.signal.aborted; n++) {
      const line = `line ${n} of ${connection}`
      const { status } = await hub.call(`PUT /devices/${secret}/heartbeat?status=running`, { body: line })
      if (status === 200) acknowledged.lines.push(line)
      else refused.push(`heartbeat: ${status}`)
      told()
    }
  }

  async function upload() {
    for (let id = 1; !ending.signal.aborted; id++) {
      const image = crypto.getRandomValues(new Uint8Array(50_000))
      const form = new FormData()
      form.set('board', 'esp8266')
      form.set('image', new Blob([image]), 'firmware.image')
      const { status } = await hub.call('POST /apps/blinker/deployments', { body: form, headers: { access_token: token } })
      const sha256 = new Bun.CryptoHasher('sha256').update(image).digest('hex')
      if (status === 200) acknowledged.images.push({ id, sha256, size: image.byteLength })
      else refused.push(`deployment: ${status}`)
      told()
    }
  }

  const working = Promise.all([beat(1), beat(2), beat(3), upload()])
  working.catch(() => {})

  async function stop() {
    ending.abort()
    await working
    return { acknowledged, refused }
  }

  return {
    acknowledged,
    /** Resolves when so much is acknowledged. */
    async until(enough: (so: Acknowledged) => boolean) {
      while (!enough(acknowledged)) await Promise.race([news.promise, working])
    },
    stop,
    [Symbol.asyncDispose]: async () => void (await stop())
  }
}

async function prepare(hub: HubProcess) {
  const json = async (route: string, body: object, headers: Record<string, string> = {}) => {
    const answer = await hub.call(route, { body: JSON.stringify(body), headers })
    if (answer.status !== 200) throw new Error(`${route}: ${JSON.stringify(answer.body)}`)
    return answer.body as Record<string, string>
  }
  const { access_token: token = '' } = await json('POST /login', { email: 'root@example.org', password })
  const headers = { access_token: token }
  const { device_secret: secret = '' } = await json('POST /admin/devices', { device_name: 'lamp', board: 'esp8266' }, headers)
  await json('POST /admin/apps', { app_name: 'blinker' }, headers)
  await json('POST /admin/apps/blinker/devices', { device_name: 'lamp' }, headers)
  return { token, secret }
}

/** A hub with a few deployments and lines in its log, stopped unless it is to go on. */
export async function smallHub(home: Awaited<ReturnType<typeof hubHome>>, state: 'stopped' | 'running' = 'stopped') {
  const hub = await home.start()
  await using load = await ladenHub(hub)
  await load.until(({ lines: said, images }) => said.length > 3 && images.length > 1)
  const { acknowledged } = await load.stop()
  // Who reads a log has what was taken in put into it first.
  await hub.call('GET /admin/devices/lamp/log', { headers: { access_token: acknowledged.token } })
  async function stop() {
    hub.child.kill('SIGTERM')
    await hub.child.exited
  }
  if (state === 'stopped') await stop()
  const damage = (sha256: string, how: (path: string) => Promise<unknown>) =>
    how(join(home.dataDir, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256))
  return { hub, acknowledged, damage, stop }
}
