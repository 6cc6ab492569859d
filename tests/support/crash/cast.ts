import { password } from '../hub.ts'
import type { HubProcess } from '../process.ts'
import { linux } from '../releases.ts'

export type Cast = Awaited<ReturnType<typeof makeCast>>

/** The version of the program that its clients run, and say how it does. */
export const voted = '0.0.1'

/** Those who load a hub: two devices, a program that logs, one that is published, a package; all of the administrator's. */
export async function makeCast(hub: HubProcess) {
  const signIn = { body: JSON.stringify({ email: 'root@example.org', password }) }
  const { access_token } = (await hub.call('POST /login', signIn)).body as { access_token: string }
  const headers = { access_token, 'content-type': 'application/json' }

  async function make<T>(route: string, body: object): Promise<T> {
    const answer = await hub.call(route, { headers, body: JSON.stringify(body) })
    if (answer.status >= 300) throw new Error(`${route}: ${JSON.stringify(answer.body)}`)
    return answer.body as T
  }

  async function makeDevice(name: string) {
    const device = { device_name: name, board: 'esp8266' }
    const { device_secret: secret } = await make<{ device_secret: string }>('POST /admin/devices', device)
    await make('POST /admin/apps/blinker/devices', { device_name: name })
    return { name, secret }
  }

  await make('POST /admin/apps', { app_name: 'blinker' })
  const program = { name: 'Logged', slug: 'logged', domain: 'example.org', stack: 'c' }
  const logged = (await make<{ data: { id: string; apiKey: string } }>('POST /api/v1/applications', program)).data
  const { id: programId } = await make<{ id: string }>('POST /applications', { name: 'Program' })
  const bytes = { body: 'a program', headers: { access_token, 'content-type': 'application/octet-stream' } }
  await hub.call(`POST /applications/${programId}/builds?version=${voted}&architecture=${linux}`, bytes)
  return {
    headers: { access_token },
    lamp: await makeDevice('lamp'),
    fan: await makeDevice('fan'),
    logged,
    programId,
    packageId: (await make<{ id: string }>('POST /v1/packages', { name: 'zlib' })).id
  }
}
