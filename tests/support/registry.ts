import { createHash } from 'node:crypto'
import { type Answer, type TestHub, testHub } from './hub.ts'

type Caller = { call: TestHub['call'] }
type TestHubOptions = Parameters<typeof testHub>[0]
type Published = { id: string; arUploadToken: string; arUploadUrl: string }

export const lua = "name = 'zlib'\n\nfunction build(dirs)\n  return true\nend\n"
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
export const reprDigest = (bytes: Uint8Array) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

/** A recipe to publish. */
export const recipe = (version: string, more: object = {}) => ({ version, revision: '1', recipe: lua, ...more })

/** A hub with a user `ada` and her package `zlib`. */
export async function registry(options: TestHubOptions = {}) {
  const hub = await testHub(options)
  const ada = await hub.user('ada')
  const { id: userId } = (await ada.call('GET /me')).body as { id: string }
  const id = await makePackage(ada, 'zlib')
  const publish = (version: string, more: object = {}, as: Caller = ada) =>
    as.call(`POST /v1/packages/${id}/recipes`, recipe(version, more))

  return {
    hub,
    ada,
    userId,
    /** Id of the package. */
    id,
    publish,
    /** Publishes a recipe that waits for its archive. */
    async awaiting(version: string, more: object = {}) {
      const { body, status } = await publish(version, { arUpload: true, ...more })
      if (status !== 201) throw new Error(`not published: ${JSON.stringify(body)}`)
      return body as Published
    },
    /** The versions that are offered. */
    versions: async () => (await hub.call(`GET /v1/packages/${id}/versions`)).body,
    latest: async () => (await hub.call(`GET /v1/packages/${id}/versions?latest=true`)).body,
    get: (version: string, revision?: string) =>
      hub.call(`GET /v1/packages/${id}/recipes/${version}${revision === undefined ? '' : `?revision=${revision}`}`),
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]()
  }
}

/** The statuses of answers, the lowest first. */
export const statusesOf = (answers: Answer[]) => answers.map(({ status }) => status).toSorted((one, other) => one - other)

/** Makes a package; gives its id. */
export async function makePackage(user: Caller, name: string) {
  const { status, body } = await user.call('POST /v1/packages', { name })
  if (status !== 201) throw new Error(`no package ${name}: ${JSON.stringify(body)}`)
  return (body as { id: string }).id
}

/** Uploads an archive as the client does. */
export const upload = (
  hub: TestHub,
  { id, token, headers = {} }: { id: string; token: string; headers?: Record<string, string> },
  raw: RequestInit['body']
): Promise<Answer> =>
  hub.call(`PUT /v1/archives/${id}`, undefined, {
    raw,
    headers: { 'content-type': 'application/octet-stream', authorization: `Bearer ${token}`, ...headers }
  })
