import type { Firmware } from './firmware.ts'
import { ensure } from './journal.ts'

const password = 'correct horse battery'

/** A device as `GET /<team>/devices` lists it. */
export type Listed = {
  name: string
  status: string
  deployment_id: number | null
  running_id: number | null
  connected: boolean
}

export type User = Awaited<ReturnType<typeof signUp>>

/** Registers a user over HTTP and signs in; gives what the user does by HTTP. */
export async function signUp(base: string, name: string) {
  const email = `${name}@example.org`
  await send(base, 'POST /auth', { json: { name, email, password, password_confirmation: password } })
  const { access_token } = (await send(base, 'POST /login', { json: { email, password } })) as { access_token: string }
  const call = (route: string, json?: object) => send(base, route, { token: access_token, ...(json ? { json } : {}) })

  return {
    team: name,
    token: access_token,
    call,

    /** Registers a device with an application; gives its secret. */
    async addDevice(device: string, app: string) {
      const registered = await call(`POST /${name}/devices`, { device_name: device, board: 'esp8266' })
      await call(`POST /${name}/apps/${app}/devices`, { deivce_name: device }) // the document's spelling
      return (registered as { device_secret: string }).device_secret
    },

    /** Deploys a firmware to all devices of an application, or to those of a tag. */
    async deploy(app: string, { version, bytes }: Firmware, tag?: string) {
      const form = new FormData()
      form.set('board', 'esp8266')
      form.set('image', new Blob([bytes]), `blink-${version}.image`)
      if (tag !== undefined) form.set('tag', tag)
      await send(base, `POST /apps/${app}/deployments`, { token: access_token, form })
    },

    /** The devices of the team, by name. */
    async devices() {
      const { devices } = (await call(`GET /${name}/devices`)) as { devices: Listed[] }
      return new Map(devices.map((device) => [device.name, device]))
    },

    /** The lines that a device has logged. */
    async log(device: string) {
      const { log } = (await call(`GET /${name}/devices/${device}/log`)) as { log: { line: string }[] }
      return log.map(({ line }) => line)
    }
  }
}

async function send(base: string, route: string, { token, json, form }: { token?: string; json?: object; form?: FormData }) {
  const [method = '', path = ''] = route.split(' ')
  const headers = new Headers(token === undefined ? {} : { access_token: token })
  if (json) headers.set('content-type', 'application/json')
  const response = await fetch(base + path, { method, headers, body: json ? JSON.stringify(json) : (form ?? null) })
  const text = await response.text()
  ensure(response.status === 200, `${route} got ${response.status}: ${text}`)
  return JSON.parse(text) as unknown
}
