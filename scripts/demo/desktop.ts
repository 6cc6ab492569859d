import { type Administrator, signInAsAdministrator } from './administrator.ts'
import { architecture, createDesktopClient, type DesktopClient } from './desktop-client.ts'
import { ensure, type Journal } from './journal.ts'
import type { User } from './user.ts'

type Needs = { base: string; broker: string; folder: string; journal: Journal; user: User }
type Build = { build_id: string; version: string; success_count: number; failure_count: number }
type Scene = Needs & { admin: Administrator; appId: string; apiKey: string; clients: DesktopClient[] }

const padding = `: '${'x'.repeat(200_000)}'\n`

/** A program of some size that says its version, and then ends well or not. */
const programOf = (version: string, exitCode: number) => `${padding}echo weather ${version}\nexit ${exitCode}\n`

/** A user makes an application, a pipeline publishes its builds by API key, and two desktop clients are told and fetch them. */
export async function playDesktop(needs: Needs) {
  const { base, broker, folder, journal, user } = needs
  const { id: appId } = await call<{ id: string }>(needs, 'POST /applications', {
    json: { name: 'Weather', description: 'Shows the weather' }
  })
  const admin = await signInAsAdministrator(base)
  const { apiKey } = await admin.renewKey(appId)
  journal.sure(`POST /applications: "Weather" is an application of ${user.team}, and has an API key`)
  const options = { base, broker, appId, folder, journal }
  await using laptop = await createDesktopClient({ ...options, name: 'laptop (MQTT)' })
  await using office = await createDesktopClient({ ...options, name: 'office (HTTP)' })
  const scene = { ...needs, admin, appId, apiKey, clients: [laptop, office] }
  await laptop.listen()
  office.startPolling()
  await publish(scene, '1.0.0')
  await publish(scene, '1.1.0-rc.1')
  await withdraw(scene, '1.1.0', '1.1.0-rc.1')
  await publish(scene, '1.1.1')
  await checkCounts(scene)
}

type Request = { json?: object; form?: FormData; headers?: Record<string, string> }

async function call<T>({ base, user }: Pick<Needs, 'base' | 'user'>, route: string, { json, form, headers }: Request = {}) {
  const [method = '', path = ''] = route.split(' ')
  const given = { ...(json ? { 'content-type': 'application/json' } : {}), ...(headers ?? { access_token: user.token }) }
  const response = await fetch(base + path, { method, headers: given, body: json ? JSON.stringify(json) : (form ?? null) })
  const text = await response.text()
  ensure(response.ok, `${route} got ${response.status}: ${text}`)
  return JSON.parse(text) as T
}

/** As a step of a pipeline does: with the API key of the application and no user. */
async function upload(scene: Scene, version: string, exitCode = 0) {
  const form = new FormData()
  form.set('version', version)
  form.set('architecture', architecture)
  form.set('file', new Blob([programOf(version, exitCode)]), 'weather')
  const route = `POST /applications/${scene.appId}/builds`
  return call<Build>(scene, route, { form, headers: { 'x-api-key': scene.apiKey } })
}

async function publish(scene: Scene, version: string) {
  const { journal, clients } = scene
  await journal.cause(`POST /applications/…/builds by X-API-Key: ${version}`, () => upload(scene, version))
  await journal.until(`all clients to run ${version}`, () => clients.every((client) => client.current() === version))
}

async function withdraw(scene: Scene, version: string, before: string) {
  const { journal, clients, appId } = scene
  const { build_id: id } = await journal.cause(`POST /applications/…/builds by X-API-Key: ${version}, which does not run`, () =>
    upload(scene, version, 1)
  )
  await journal.until(`all clients to report ${version}`, () => clients.every((client) => client.reported() === version))
  await journal.cause(`PATCH /applications/…/builds/…: ${version} is withdrawn`, () =>
    call(scene, `PATCH /applications/${appId}/builds/${id}`, { json: { disabled: true } })
  )
  await journal.until(`who listens to be told of ${before} again`, () =>
    clients.every((client) => (client.told() ?? before) === before)
  )
}

async function checkCounts(scene: Scene) {
  const { clients, journal, appId } = scene
  const all = ['1.0.0', '1.1.0-rc.1', '1.1.0', '1.1.1']
  for (const client of clients) {
    ensure(client.seen().join() === all.join(), `the ${client.name} has seen ${client.seen().join(', ')}`)
  }
  journal.sure(`each client has seen each build once: ${all.join(', ')}`)
  const { builds } = await call<{ builds: Build[] }>(scene, `GET /applications/${appId}/builds`)
  const counts = builds.map(({ version, success_count: runs, failure_count: fails }) => `${version} ${runs}:${fails}`)
  ensure(
    counts.join() === ['1.1.1 2:0', '1.1.0 0:2', '1.1.0-rc.1 2:0', '1.0.0 2:0'].join(),
    `the counts are ${counts.join(', ')}`
  )
  journal.sure(`GET /applications/…/builds counts success and failure: ${counts.join(', ')}`)
}
