import type { Requests } from '../load/requests.ts'
import { httpFigures, type Row } from '../measure/row.ts'
import { startScript } from '../servers/bare.ts'
import { type HubServer, signIn, startHub } from '../servers/hub.ts'
import { httpSide } from './http-side.ts'

const connections = 64
const clients = 1000
const architecture = 'x86_64-unknown-linux-gnu'

/** Makes an application with a build; gives its id. */
async function publish(hub: HubServer) {
  const headers = { access_token: await signIn(hub), 'content-type': 'application/json' }
  const post = async (path: string, body: object) => {
    const response = await fetch(`http://127.0.0.1:${hub.port}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return (await response.json()) as { id: string }
  }
  const { id } = await post('/applications', { name: 'desktop' })
  await post(`/applications/${id}/builds`, { version: '1.2.0', architecture, url: 'https://example.org/desktop_1.2.0' })
  return id
}

const questions = (appId: string): Requests => ({
  method: 'POST',
  path: '/applications/latest-version',
  body: JSON.stringify({ client_id: '{client}', app_id: appId, current_running_version: '1.1.0', architecture }),
  devices: clients
})

/** What desktop clients ask all the time. */
export const latestVersion: Row = {
  name: 'latest-version',
  title: `latest-version, what each client runs noted, ${connections} connections`,
  against: 'bare Bun.serve returning text',
  figures: httpFigures(0.5, 0.7),
  obstacle: () => undefined,
  async open({ workplace, seconds }) {
    const [hub, bare] = [await startHub(workplace, { devices: 1 }), await startScript(workplace, 'bare-server.ts')]
    const load = { connections, seconds, requests: questions(await publish(hub)), status: 200 }
    return {
      hub: await httpSide(workplace, hub, { ...load, port: hub.port }),
      peer: await httpSide(workplace, bare, { ...load, port: bare.port })
    }
  }
}
