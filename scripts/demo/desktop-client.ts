import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { digest } from './firmware.ts'
import { ensure, type Journal, readable } from './journal.ts'

const pollInterval = 50

export const architecture = 'x86_64-unknown-linux-gnu'

type Latest = { build_id: string; version: string; url: string; update_required: boolean }
type Options = { name: string; base: string; broker: string; appId: string; folder: string; journal: Journal }

export type DesktopClient = Awaited<ReturnType<typeof createDesktopClient>>

/** A desktop program: it fetches what is newer than what it runs, runs it, and reports how that went. */
export async function createDesktopClient({ name, base, broker, appId, folder, journal }: Options) {
  const clientId = crypto.randomUUID()
  const home = await mkdtemp(join(folder, `${name}-`))
  const switchedOff = new AbortController()
  const seen: string[] = []
  let current = '0.0.0'
  let reported = '0.0.0'
  let told: string | undefined
  let client: mqtt.MqttClient | undefined
  let work = Promise.resolve()
  const event = (what: string) => journal.event(name, what)

  function post(path: string, version: string) {
    const body = { client_id: clientId, app_id: appId, current_running_version: version, architecture }
    return fetch(base + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  }

  /** Fetches a build in two parts, as if the first download had broken off: the rest only of the same bytes. */
  async function download(url: string) {
    const first = await fetch(url, { headers: { range: 'bytes=0-99999' } })
    const etag = first.headers.get('etag') ?? ''
    const begun = await first.bytes()
    const rest = await fetch(url, { headers: { range: `bytes=${begun.length}-`, 'if-range': etag } })
    const bytes = Buffer.concat([begun, await rest.bytes()])
    ensure(first.status === 206 && rest.status === 206, `${name} got ${first.status} and ${rest.status} for the parts of a build`)
    ensure(`"${digest('sha256', bytes)}"` === etag, `${name} has bytes that are not those of ${etag}`)
    journal.checked(bytes.length)
    return bytes
  }

  async function install({ version, url }: Pick<Latest, 'version' | 'url'>) {
    ensure(url.slice(url.lastIndexOf('_') + 1) === version, `the link ${url} does not end in ${version}`)
    ensure(!seen.includes(version), `${name} was offered ${version} twice`)
    seen.push(version)
    const bytes = await download(url)
    event(`has ${readable(bytes.length)} bytes of ${version}, in two parts, by its SHA-256`)
    const path = join(home, version)
    await writeFile(path, bytes)
    const child = Bun.spawn(['sh', path], { stdout: 'pipe', stderr: 'ignore' })
    const said = (await new Response(child.stdout).text()).trim()
    const works = (await child.exited) === 0
    const { status } = await post(works ? '/builds/success' : '/builds/failure', version)
    ensure(status === 200, `a report of ${version} got ${status}`)
    reported = version
    if (works) current = version
    event(works ? `runs it: "${said}", and reports success` : `cannot run it, stays at ${current}, and reports failure`)
  }

  async function look() {
    const response = await post('/applications/latest-version', current)
    if (response.status === 404) return // nothing is published yet
    const latest = (await response.json()) as Latest
    if (latest.update_required && !seen.includes(latest.version)) await install(latest)
  }

  async function poll() {
    while (!switchedOff.signal.aborted) {
      await look()
      await Bun.sleep(pollInterval)
    }
  }

  async function obey(payload: string) {
    if (payload === '') return event('told that there is no build any more')
    const latest = JSON.parse(payload) as Latest
    told = latest.version
    event(`told that ${told} is the latest`)
    if (Bun.semver.order(told, current) > 0 && !seen.includes(told)) await install(latest)
  }

  return {
    name,
    /** Every version that it has fetched, in order. */
    seen: (): readonly string[] => seen,
    /** The version that it has tried and reported last. */
    reported: () => reported,
    /** What it was told over MQTT to be the latest, if it was. */
    told: () => told,
    /** What runs. */
    current: () => current,

    /** Asks over HTTP from now on. */
    startPolling() {
      work = poll().catch(journal.fail)
    },

    /** Listens over MQTT from now on, by its id alone. */
    async listen() {
      const connected = await mqtt.connectAsync(broker, { username: clientId, reconnectPeriod: 0, connectTimeout: 5000 }, false)
      client = connected
      connected.on('message', (_topic, payload: Buffer) => {
        work = work.then(() => obey(payload.toString())).catch(journal.fail)
      })
      await connected.subscribeAsync(`applications/${appId}/${architecture}/latest-version`, { qos: 1 })
    },

    [Symbol.asyncDispose]: async () => {
      switchedOff.abort()
      await client?.endAsync()
      await work
      await rm(home, { recursive: true, force: true })
    }
  }
}
