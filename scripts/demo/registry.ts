import { createHash, randomBytes } from 'node:crypto'
import mqtt, { type MqttClient } from 'mqtt'
import { ensure, type Journal } from './journal.ts'
import { signUp, type User } from './user.ts'

const name = 'zlib'
const archiveBytes = 5 * 1024 * 1024
const lua = (version: string) => `name = '${name}'\nversion = '${version}'\n\nfunction build(dirs)\n  return true\nend\n`

type Ports = { http: number; mqtt: number }
type Told = { id: string; version: string }
type Recipe = { id: string; arUploadToken: string; arUploadUrl: string; arDownload: string }
type Stage = { journal: Journal; maintainer: User; packageId: string; told: Told[] }

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64')

/** A maintainer publishes a package with an archive; another user follows it over MQTT, and fetches it in two pieces. */
export async function playRegistry({ ports, journal }: { ports: Ports; journal: Journal }) {
  const base = `http://127.0.0.1:${ports.http}`
  const maintainer = await signUp(base, 'margaret')
  const { id: packageId } = (await maintainer.call('POST /v1/packages', { name })) as { id: string }
  const told: Told[] = []
  const follower = await follow(await keyOf(await signUp(base, 'linus')), {
    broker: `mqtt://127.0.0.1:${ports.mqtt}`,
    journal,
    told
  })
  try {
    const stage = { journal, maintainer, packageId, told }
    const bytes = randomBytes(archiveBytes)
    await publishWithArchive(stage, bytes)
    await fetchInPieces(stage, bytes)
    await yank(stage)
  } finally {
    await follower.endAsync()
  }
}

/** A CLI key: all that the follower's client knows of its user. */
async function keyOf(user: User) {
  const { id } = (await user.call('GET /me')) as { id: string }
  return ((await user.call(`POST /v1/users/${id}/cli-keys`, { name: 'laptop' })) as { key: string }).key
}

async function follow(
  key: string,
  { broker, journal, told }: { broker: string; journal: Journal; told: Told[] }
): Promise<MqttClient> {
  const client = await mqtt.connectAsync(broker, { username: 'linus', password: key, reconnectPeriod: 0 }, false)
  client.on('error', journal.fail)
  client.on('message', (_topic, payload) => {
    const latest = JSON.parse(payload.toString()) as Told
    told.push(latest)
    journal.event('linus (MQTT)', `${name} ${latest.version} is the latest`)
  })
  await client.subscribeAsync(`packages/${name}/latest`, { qos: 1 })
  return client
}

const publish = async ({ maintainer, packageId }: Stage, version: string, arUpload: boolean) =>
  (await maintainer.call(`POST /v1/packages/${packageId}/recipes`, {
    version,
    revision: '1',
    recipe: lua(version),
    arUpload
  })) as Recipe

async function publishWithArchive(stage: Stage, bytes: Buffer<ArrayBuffer>) {
  const { journal, told } = stage
  await journal.cause(`POST /v1/packages/…/recipes: ${name} 1.0.0`, () => publish(stage, '1.0.0', false))
  await journal.until('the follower to be told of 1.0.0', () => told.at(-1)?.version === '1.0.0')
  const { arUploadUrl, arUploadToken } = await publish(stage, '1.1.0', true)
  ensure(told.length === 1, 'a recipe was told whose archive is still to come')
  await journal.cause(`PUT /v1/archives/…: 5 MiB for ${name} 1.1.0`, async () => {
    const headers = { authorization: `Bearer ${arUploadToken}`, 'repr-digest': `sha-256=:${sha256(bytes)}:` }
    const { status } = await fetch(arUploadUrl, { method: 'PUT', body: bytes, headers })
    ensure(status === 201, `the archive got ${status}`)
  })
  await journal.until('the follower to be told of 1.1.0', () => told.at(-1)?.version === '1.1.0')
}

async function fetchInPieces({ journal, maintainer, packageId }: Stage, bytes: Buffer) {
  const { arDownload } = (await maintainer.call(`GET /v1/packages/${packageId}/recipes/1.1.0`)) as Recipe
  const half = archiveBytes / 2
  const pieces = await Promise.all(
    [`bytes=0-${half - 1}`, `bytes=${half}-`].map(async (range) => {
      const response = await fetch(arDownload, { headers: { range } })
      ensure(response.status === 206, `${range} of the archive got ${response.status}`)
      return Buffer.from(await response.arrayBuffer())
    })
  )
  ensure(Buffer.concat(pieces).equals(bytes), 'the archive that was fetched is not the one that was uploaded')
  journal.checked(archiveBytes)
  journal.sure('the archive, fetched in two pieces, is the one that was uploaded')
}

async function yank({ journal, maintainer, packageId, told }: Stage) {
  const path = `/v1/packages/${packageId}/recipes/1.1.0`
  await journal.cause(`PUT ${path.replace(packageId, '…')}/yank`, () => maintainer.call(`PUT ${path}/yank`))
  await journal.until('the follower to be told of 1.0.0 again', () => told.at(-1)?.version === '1.0.0')
  const { arDownload } = (await maintainer.call(`GET ${path}`)) as Recipe
  ensure(arDownload !== undefined && told.length === 3, 'who pins 1.1.0 no longer gets it')
  journal.sure('who pins 1.1.0 still gets it')
}
