import type { Registered } from './device.ts'

const requestsAtOnce = 32

export type User = Awaited<ReturnType<typeof createUser>>

/** Signs in; gives the access token. */
export async function signIn(base: string, json: { email: string; password: string }) {
  const { access_token } = (await send(base, 'POST /login', { json })) as { access_token: string }
  return access_token
}

/** A user of the hub, who does all this over HTTP. `label` in the names keeps one run apart from another. */
export async function createUser(base: string, token: string, label = crypto.randomUUID().slice(0, 6)) {
  const { username: team } = (await send(base, 'GET /me', { token })) as { username: string }
  const app = `fleet-${label}`
  const nameOf = (index: number) => `sim-${label}-${index}`

  async function register(index: number): Promise<Registered> {
    const name = nameOf(index)
    const made = await send(base, `POST /${team}/devices`, { token, json: { device_name: name, board: 'esp8266' } })
    await send(base, `POST /${team}/apps/${app}/devices`, { token, json: { device_name: name } })
    return { index, name, secret: (made as { device_secret: string }).device_secret }
  }

  return {
    team,

    /** Makes an application, and so many devices that run it. `progress` is called with how many there are. */
    async registerFleet(count: number, progress: (done: number) => void) {
      await send(base, `POST /${team}/apps`, { token, json: { app_name: app } })
      return forAll(count, register, progress)
    },

    /** Deploys an image to all of them. */
    async deploy(image: Uint8Array<ArrayBuffer>) {
      await send(base, `POST /${team}/apps/${app}/deployments?board=esp8266`, { token, bytes: image })
    },

    /** How many of them run what they should, as the hub lists them. */
    async upToDate() {
      const { devices } = (await send(base, `GET /${team}/devices`, { token })) as { devices: Listed[] }
      return devices.filter(
        (device) => device.app === app && device.deployment_id !== null && device.running_id === device.deployment_id
      ).length
    },

    /** Deletes the application and the devices. */
    async removeFleet(count: number, progress: (done: number) => void) {
      await send(base, `DELETE /${team}/apps/${app}`, { token })
      await forAll(count, (index) => send(base, `DELETE /${team}/devices/${nameOf(index)}`, { token }), progress)
    }
  }
}

type Listed = { app: string | null; deployment_id: number | null; running_id: number | null }

/** Does something for each index, a few at once. */
async function forAll<T>(count: number, work: (index: number) => Promise<T>, progress: (done: number) => void) {
  const results: T[] = []
  let next = 0
  async function some() {
    while (next < count) {
      results.push(await work(next++))
      progress(results.length)
    }
  }
  await Promise.all(Array.from({ length: requestsAtOnce }, some))
  return results
}

async function send(
  base: string,
  route: string,
  { token, json, bytes }: { token?: string; json?: object; bytes?: Uint8Array<ArrayBuffer> }
) {
  const [method = '', path = ''] = route.split(' ')
  const headers = new Headers(token === undefined ? {} : { access_token: token })
  headers.set('content-type', json ? 'application/json' : 'application/octet-stream')
  const response = await fetch(base + path, { method, headers, body: json ? JSON.stringify(json) : (bytes ?? null) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${route} got ${response.status}: ${text}`)
  return JSON.parse(text) as unknown
}
