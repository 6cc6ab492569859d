import { newId } from '../../src/lib/secrets.ts'
import type { Answer, TestHub, TestUser } from './hub.ts'

export const linux = 'x86_64-unknown-linux-gnu'
export const windows = 'x86_64-pc-windows-gnu'

type Build = {
  build_id: string
  version: string
  architecture: string
  url: string
  size: number | null
  disabled: boolean
  success_count: number
  failure_count: number
}

/** An application of a user's own team by document 000; gives its id. */
export async function testApplication(user: Pick<TestUser, 'call'>, name = 'My Application') {
  const { status, body } = await user.call('POST /applications', { name, description: 'Shows the weather' })
  if (status !== 201) throw new Error(`no application ${name}: ${JSON.stringify(body)}`)
  return (body as { id: string }).id
}

type Publisher = Pick<TestUser, 'call'>
type Fields = { version?: string; architecture?: string; notes?: string; url?: string }

/** A form that publishes a build. */
export function buildForm({ version = '1.0.0', architecture = linux, ...others }: Fields = {}, bytes?: Uint8Array<ArrayBuffer>) {
  const form = new FormData()
  for (const [name, value] of Object.entries({ version, architecture, ...others })) form.set(name, value)
  if (bytes) form.set('file', new Blob([bytes]), 'program')
  return form
}

/** Publishes bytes, or a URL, as a build; gives the answer. */
export const publish = (
  user: Publisher,
  appId: string,
  fields: Fields = {},
  bytes = new TextEncoder().encode(fields.version ?? 'a program')
) => user.call(`POST /applications/${appId}/builds`, undefined, { raw: buildForm(fields, fields.url ? undefined : bytes) })

/** The build of an answer that must be one. */
export function buildOf({ status, body }: Answer) {
  if (status !== 201 && status !== 200) throw new Error(`no build: ${status} ${JSON.stringify(body)}`)
  return body as Build
}

/** What a client sends. */
export const runningOf = (appId: string, { version = '0.0.0', architecture = linux, clientId = newId() } = {}) => ({
  client_id: clientId,
  app_id: appId,
  current_running_version: version,
  architecture
})

export type Latest = { build_id: string; version: string; url: string; update_required: boolean }

/** What a client is told that it should run. */
export async function latest(hub: Pick<TestHub, 'call'>, appId: string, running: Parameters<typeof runningOf>[1] = {}) {
  const { status, body } = await hub.call('POST /applications/latest-version', runningOf(appId, running))
  if (status !== 200) throw new Error(`no latest version: ${status} ${JSON.stringify(body)}`)
  return body as Latest
}

/** The builds of an application as its team sees them, the last published first. */
export async function buildsOf(user: Publisher, appId: string) {
  const { body } = await user.call(`GET /applications/${appId}/builds`)
  return (body as { builds: Build[] }).builds
}

/** Gives an application an API key, as an administrator does. */
export async function apiKeyOf(hub: TestHub, appId: string) {
  const { status, body } = await (await hub.root()).call(`POST /api/v1/applications/${appId}/regenerate-key`)
  if (status !== 200) throw new Error(`no API key: ${status} ${JSON.stringify(body)}`)
  return (body as { data: { apiKey: string } }).data.apiKey
}

/** Whoever has an API key. */
export const program = (hub: TestHub, apiKey: string): Publisher => ({
  call: (route, body, more) => hub.call(route, body, { ...more, headers: { 'x-api-key': apiKey, ...more?.headers } })
})
