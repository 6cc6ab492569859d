import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isNewer } from '../../src/lib/versions.ts'
import type { TestHub } from './hub.ts'
import { mqttClient, mqttUrl, until } from './mqtt.ts'
import { type Latest, linux, runningOf } from './releases.ts'

/** A release of the program: says which it is, and ends well or does not. */
export const programOf = (version: string, exitCode = 0) => new TextEncoder().encode(`echo ${version}\nexit ${exitCode}\n`)

export type Desktop = Awaited<ReturnType<typeof desktop>>

/**
 * A desktop program as its users have it: it begins with nothing, asks for the latest version, and where that is newer
 * fetches it, runs it and reports how that went. `await using` ends it.
 */
export async function desktop(hub: TestHub, appId: string) {
  const clientId = crypto.randomUUID()
  const folder = await mkdtemp(join(tmpdir(), 'updraft-desktop-'))
  const seen: string[] = []
  let current = '0.0.0'
  let tried = '0.0.0'
  const running = (version: string) => runningOf(appId, { clientId, version })

  async function ask() {
    const { status, body } = await hub.call('POST /applications/latest-version', running(current))
    return status === 200 ? (body as Latest) : undefined
  }

  /** The version is the text after the last `_` of the link. */
  async function install(url: string) {
    const version = url.slice(url.lastIndexOf('_') + 1)
    seen.push(version)
    const path = join(folder, version)
    await writeFile(path, await (await fetch(url)).bytes())
    const child = Bun.spawn(['sh', path], { stdout: 'pipe' })
    const said = await new Response(child.stdout).text()
    if (said !== `${version}\n`) throw new Error(`${url} is not ${version} but ${said}`)
    const works = (await child.exited) === 0
    const { status } = await hub.call(`POST /builds/${works ? 'success' : 'failure'}`, running(version))
    if (status !== 200) throw new Error(`a report of ${version} got ${status}`)
    tried = version
    if (works) current = version
  }

  /** Installs what is newer than what runs, once. */
  async function look() {
    const latest = await ask()
    if (latest?.update_required && latest.version !== tried) await install(latest.url)
  }

  /** Installs what it is told of over MQTT, where that is newer than what runs. */
  async function obey({ version, url }: Latest) {
    if (isNewer(version, current) && version !== tried) await install(url)
  }

  return {
    clientId,
    /** Every release that it has fetched, in order. */
    seen,
    /** What runs. */
    current: () => current,
    look,
    /** Polls until it has tried a version. */
    poll: (version: string) =>
      until(async () => {
        await look()
        return tried === version
      }, `the client to try ${version}`),
    /** Connects over MQTT, and does as it is told: it asks for nothing more than the bytes. */
    async listen() {
      const client = await mqttClient(mqttUrl(hub), { username: clientId })
      let work = Promise.resolve()
      const told = { live: [] as string[], retained: [] as string[] }
      client.client.on('message', (_topic, payload, { retain }) => {
        const latest: Latest = JSON.parse(payload.toString())
        told[retain ? 'retained' : 'live'].push(latest.version)
        work = work.then(() => obey(latest))
      })
      await client.subscribe([`applications/${appId}/${linux}/latest-version`])
      return {
        /** The versions that it was told of: as news, and in answer to its SUBSCRIBE. */
        told,
        until: (version: string) =>
          until(async () => {
            await work
            return tried === version
          }, `the client to be told of ${version}`),
        [Symbol.asyncDispose]: async () => {
          await client.client.endAsync()
          await work
        }
      }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true })
  }
}
